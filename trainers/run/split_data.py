"""The data of a run: loaded, split, scaled and on their way to the device."""

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.errors import UsageError
from trainers.settings.experiment import Experiment
from trainers.settings.program import in_flags
from xadv_tf import data

_CHUNK = 1000  # Images at a time: a stream reads them.


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set, split and on its way to the device.

    Attributes:
        pool: the training images, as the sampler's draws index them.
        sampler: which images a step takes.
        preprocess: what the images went through, fitted to the training images.
        validation, test: (images float32, labels int32) as numpy arrays, possibly empty; images
            that are streamed give such arrays by slices.
    """

    dataset: data.Dataset
    split: data.Split
    pool: data.PoolData | data.StreamedPool
    sampler: data.Sampler
    preprocess: data.preprocessing.Scaling
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def build(experiment: Experiment, *, num_replicas: int = 1) -> Data:
    """Loads, splits and scales the data set. Raises ValueError for what does not fit together."""
    data.preprocessing.check(experiment.scaling)
    dataset = _load(experiment)
    split = data.split(
        dataset.train_labels,
        num_classes=dataset.num_classes,
        num_labeled=experiment.num_labeled,
        num_validation=experiment.num_validation,
        seed=experiment.split_seed,
        balanced=experiment.balanced,
        class_names=dataset.class_names,
    )
    sampler = data.Sampler(
        num_labeled=len(split.labeled),
        num_pool=len(split.pool),
        labeled_batch_size=experiment.labeled_batch_size,
        unlabeled_batch_size=experiment.unlabeled_batch_size,
        seed=experiment.seed,
        joined=experiment.joined_batch,
        epochwise=experiment.epochwise,
    )
    sampler.indices(0, 0, num_replicas)  # Batch sizes that do not divide are known only here.
    # A stream scales where it reads, so that must be where a fitted scaling keeps its numbers.
    with tf.device("CPU:0" if experiment.stream else None):
        preprocess = data.preprocessing.fit(experiment.scaling, dataset.train_images)
    scaled, train = functools.partial(_scaled, preprocess), dataset.train_images
    image = scaled(train, split.pool)
    labels = {
        "label": tf.constant(dataset.train_labels[split.labeled]),
        "labeled_in_pool": tf.constant(split.labeled_in_pool),
        "pool_label": tf.constant(split.pool_labels(dataset.train_labels)),
    }
    pool: data.PoolData | data.StreamedPool
    if experiment.stream:
        pool = data.StreamedPool(image=image, **labels)
    else:
        pool = data.PoolData(image=tf.constant(image), **labels)
    return Data(
        dataset=dataset,
        split=split,
        pool=pool,
        sampler=sampler,
        preprocess=preprocess,
        validation=(scaled(train, split.validation), dataset.train_labels[split.validation]),
        test=(scaled(dataset.test_images), dataset.test_labels),
    )


def fill(experiment: Experiment, built: Data) -> Any:
    """What --fill makes of a pixel where the mask is 0, in the units of the scaled images.

    Returns:
        0, "blurred", or an image [height, width, channels].
    """
    kind = experiment.options.get("fill", "zero")
    if kind == "black":
        black = np.zeros((1, *built.dataset.image_shape), np.uint8)
        return np.asarray(built.preprocess(black))[0]
    if kind == "mean":
        count, images = len(built.split.pool), built.pool.image
        chunks = (np.asarray(images[i : i + _CHUNK]) for i in range(0, count, _CHUNK))
        total = sum(np.sum(chunk, axis=0, dtype=np.float64) for chunk in chunks)
        return np.asarray(total / count, np.float32)
    return "blurred" if kind == "blurred" else 0.0


def _load(experiment: Experiment) -> data.Dataset:
    height, _, width = (experiment.image_size or "").partition("x")
    try:
        return data.load(
            experiment.dataset,
            data_dir=experiment.data_dir,
            download=experiment.download,
            stream=experiment.stream,
            image_size=(int(height), int(width)) if height else None,
        )
    except data.NotPreparedError as error:
        problem, _, received = in_flags(str(error)).rpartition(". Received: ")
        raise UsageError(
            f"{problem}; `python -m trainers.prepare_data --dataset={experiment.dataset} "
            "--raw_dir=DOWNLOADS --data_dir=DIR` makes it of its official raw files. "
            f"Received: {received}"
        ) from error


def _scaled(preprocess: data.preprocessing.Scaling, images: Any, positions: Any = None) -> Any:
    """images[positions], scaled: arrays at once, streamed images whenever they are read."""
    if isinstance(images, data.StreamedImages):
        return (images if positions is None else images.select(positions)).scaled(preprocess)
    return data.preprocessing.apply(preprocess, images, positions)
