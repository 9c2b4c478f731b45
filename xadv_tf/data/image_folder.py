"""A data set of one's own as image files: ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError
from xadv_tf.data.prepared import test_split

PREFIX = "folder:"


def load(name: str) -> Dataset:
    """Reads a folder in the layout of tfds.ImageFolder.

    The classes are the folders' names in alphabetical order. Images (.png, .jpg, .jpeg) have one
    size and are all grey or all coloured, as their files say.

    Args:
        name: "folder:" and the path of the root; the name that the data set goes by.

    Raises:
        DataError: the folder is not there or has another layout, an image cannot be read, or the
            images differ in size.
    """
    import tensorflow_datasets as tfds

    root = os.path.expanduser(name.removeprefix(PREFIX))
    if not os.path.isdir(root):
        raise DataError(
            f"dataset must be {PREFIX}PATH of an existing folder. Received: dataset={name}"
        )
    builder = tfds.ImageFolder(root)
    found = [part for part, info in builder.info.splits.items() if info.num_examples]
    if "train" not in found:
        raise DataError(
            f"The folder {root} must hold images as train/CLASS/*.png (or .jpg). "
            f"Received: {', '.join(found) or 'no folder of folders of images'}"
        )
    # Encoded, because tfds would make three channels of a grey image and stop at a second size.
    encoded = {"image": tfds.decode.SkipDecoding()}
    train, test = (
        _arrays(name, builder.as_dataset(split=part, decoders=encoded))
        for part in ("train", test_split(name, found))
    )
    height, width, channels = train[0].shape[1:]
    names = tuple(builder.info.features["label"].names)
    return Dataset(name, len(names), (height, width, channels), *train, *test, class_names=names)


def _arrays(name: str, examples: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    def decode(example: Any) -> Any:
        return {**example, "image": _decode(example["image"])}

    images: list[npt.NDArray[np.uint8]] = []
    labels = []
    try:
        for example in examples.map(decode, tf.data.AUTOTUNE).as_numpy_iterator():
            images.append(example["image"])
            labels.append(example["label"])
            if images[-1].shape != images[0].shape:
                file = example["image/filename"].decode()
                raise DataError(
                    f"The images of {name} must have one size and as many channels. "
                    f"Received: {images[0].shape}, and {images[-1].shape} in {file}"
                )
    except tf.errors.InvalidArgumentError as error:
        raise DataError(
            f"The images of {name} must be whole. Received: {_unreadable(examples)}, which cannot "
            "be decoded"
        ) from error
    return np.stack(images), np.array(labels, np.int32)


def _decode(encoded: Any) -> tf.Tensor:
    return tf.io.decode_image(encoded, expand_animations=False)


def _unreadable(examples: Any) -> str:
    """Which file it was: the parallel pass that met it does not say."""
    for example in examples:
        try:
            _decode(example["image"])
        except tf.errors.InvalidArgumentError:
            return str(example["image/filename"].numpy().decode())
    return "an image"
