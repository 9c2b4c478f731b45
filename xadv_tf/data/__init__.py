"""From a data set's name to the batch of a step.

dataset (`datasets.load`) -> split (`splits.split`) -> scaling (`preprocessing.fit`) -> arrays on
the device and draws that are a function of (seed, step) (`batches`) -> augmentation.
"""

from xadv_tf.data.augmentation import random_crop, random_flip
from xadv_tf.data.batches import Draws, PoolData, Sampler, training_batches
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.datasets import load
from xadv_tf.data.errors import DataError, NotPreparedError
from xadv_tf.data.preprocessing import SCALINGS
from xadv_tf.data.splits import Split, split
from xadv_tf.data.streams import Stream, StreamedImages, StreamedPool

__all__ = [
    "SCALINGS",
    "DataError",
    "NotPreparedError",
    "Dataset",
    "Draws",
    "PoolData",
    "Sampler",
    "Split",
    "Stream",
    "StreamedImages",
    "StreamedPool",
    "load",
    "random_crop",
    "random_flip",
    "split",
    "training_batches",
]
