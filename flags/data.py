"""Flags of the data: which images, how many labels, how they are prepared and drawn."""

import re

from absl import flags

from flags import define
from flags.define import Kind

define.string(
    "dataset",
    "digits",
    "The data set: digits; an image-classification set of tensorflow_datasets, e.g. mnist, "
    "cifar10, svhn_cropped or, with a further training split, svhn_cropped+extra; folder:PATH for "
    "images as PATH/train/CLASS/*.png and PATH/test/CLASS/*.png; or PATH.npz with arrays "
    "train_images, train_labels, test_images, test_labels.",
    kind=Kind.TASK,
)
define.string(
    "data_dir",
    None,
    "Directory of prepared TFDS data sets; else TFDS_DATA_DIR, else TFDS's default.",
    kind=Kind.PLACE,
)
define.boolean(
    "download",
    False,
    "Download a data set that is missing from --data_dir.",
    kind=Kind.PLACE,
)
define.string(
    "image_size",
    None,
    "HEIGHTxWIDTH, e.g. 32x32, to which the images of a folder: are resized; without it they must "
    "be of one size.",
    kind=Kind.TASK,
)
flags.register_validator(
    "image_size",
    lambda value: value is None or re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", value) is not None,
    message="must be HEIGHTxWIDTH in pixels, like 32x32",
)
define.boolean(
    "stream",
    False,
    "Leave the images in the TFRecords of --dataset and read those of each step, for a set that "
    "does not fit into memory; the run is the same.",
    kind=Kind.PLACE,
)
define.integer(
    "num_labeled",
    0,
    "Labeled training examples; 0 labels all of them.",
    at_least=0,
    kind=Kind.TASK,
)
define.integer(
    "num_validation",
    0,
    "Training examples held back for validation.",
    at_least=0,
    kind=Kind.TASK,
)
define.boolean(
    "balanced",
    True,
    "Label equally many examples of each class.",
    kind=Kind.TASK,
)
define.string(
    "scaling",
    "centered",
    "How pixels become numbers: unit [0, 1]; centered [-0.5, 0.5]; symmetric [-1, 1]; "
    "symmetric_128, (v - 127.5) / 128; standardized, each image of mean 0 and variance 1; gcn, of "
    "mean 0 and norm 55; or whitened by ZCA: zca_raw (xVAT on CIFAR), zca_centered (VAT), zca_unit "
    "(Temporal Ensembling), zca_gcn (Ladder, Mean Teacher).",
)
define.boolean("crop", False, "Augment by random crops of the image reflected by 2 pixels.")
define.integer(
    "crop_offset_max",
    2,
    "Greatest shift of the crop's window in pixels, of -2 to 2; the released xVAT code has 1.",
    at_least=-2,
    at_most=2,
)
define.boolean("flip", False, "Augment by random horizontal flips.")
define.integer(
    "labeled_batch_size",
    100,
    "Labeled images per step; 0 draws each batch from the pool alone, with those labels that are "
    "known.",
    at_least=0,
)
define.integer(
    "unlabeled_batch_size",
    250,
    "Unlabeled images per step; 0 trains on the labeled batch alone (supervised).",
    at_least=0,
)
define.boolean(
    "joined_batch", False, "Make one batch of the labeled and the unlabeled images of a step."
)
define.boolean("epochwise", False, "Draw each image at most once an epoch.")
