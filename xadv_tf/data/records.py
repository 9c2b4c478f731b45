"""Random access to TFRecord files, which are written to be read from front to end."""

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data import cache
from xadv_tf.data.errors import DataError

# Bytes in a file around each record: its length in 8, and two checksums of 4 each.
_FRAME = 16
_BATCH = 256
# Part of the keys in the cache: raise it when new code gives another index for the same files.
_EDITION = 1


class Records:
    """Finds any record of some files by its position, counted through the files in their order.

    Takes 8 bytes of memory a record, whatever the records' size.

    Args:
        paths: the files.
        counts: how many records each file has, integers [files].
        offsets: where in its file each record starts, int64 [records].
        sha256: of all records' bytes, in hexadecimal.
    """

    def __init__(
        self,
        paths: Sequence[str],
        counts: npt.ArrayLike,
        offsets: npt.NDArray[np.int64],
        sha256: str,
    ) -> None:
        self.sha256 = sha256
        with tf.device("CPU:0"):  # Where files are read.
            self._offsets = tf.constant(offsets)
            self._paths = tf.constant(list(paths))
            self._ends = tf.constant(np.cumsum(counts, dtype=np.int64))

    def __len__(self) -> int:
        """How many records there are."""
        return int(self._offsets.shape[0])

    def read(self, position: tf.Tensor) -> tf.Tensor:
        """One record, string scalar, its checksum compared; in a graph, on the host.

        No Python is called, so a pipeline that reads ahead cannot meet an interpreter that exits.

        Args:
            position: integer scalar in [0, len(self)).

        Raises:
            tf.errors.OpError: when run, if the file is no longer the one that was indexed.
        """
        file = tf.searchsorted(self._ends, tf.cast(position, tf.int64)[None], side="right")[0]
        # tf.data.TFRecordDataset calls this operation too, but always from the start of a file.
        # With a buffer it would read beyond the one record.
        following = tf.raw_ops.TFRecordDatasetV2(
            filenames=tf.gather(self._paths, file)[None],
            compression_type="",
            buffer_size=tf.constant(0, tf.int64),
            byte_offsets=tf.gather(self._offsets, position)[None],
        )
        element = {"output_types": [tf.string], "output_shapes": [tf.TensorShape([])]}
        one = tf.raw_ops.TakeDataset(
            input_dataset=following, count=tf.constant(1, tf.int64), **element
        )
        return tf.raw_ops.DatasetToSingleElement(dataset=one, **element)[0]


def index(
    paths: Sequence[str], label: Callable[[tf.Tensor], tf.Tensor]
) -> tuple[Records, npt.NDArray[np.int32]]:
    """Reads TFRecord files once, from front to end, to find their records and labels.

    The result is kept (see `cache`) for the next run with the same files, which are known by path,
    size and time of change.

    Args:
        paths: the files.
        label: a serialized record, string scalar -> its label, integer scalar.

    Returns:
        The records, and their labels, int32 [records].

    Raises:
        DataError: a file is missing or damaged.
    """
    found = cache.arrays(f"records-{_identity(paths)}", lambda: _index(paths, label))
    records = Records(paths, found["counts"], found["offsets"], str(found["sha256"]))
    return records, found["labels"]


def _index(paths: Sequence[str], label: Callable[[tf.Tensor], tf.Tensor]) -> dict[str, Any]:
    sha = hashlib.sha256()
    counts, offsets, labels = [], [], []
    for path in paths:
        count, offset = 0, 0
        dataset = tf.data.TFRecordDataset(path).map(lambda record: (record, label(record)))
        try:
            for records, classes in dataset.batch(_BATCH).as_numpy_iterator():
                labels.append(classes.astype(np.int32))
                for record in records:
                    sha.update(record)
                    offsets.append(offset)
                    offset += len(record) + _FRAME
                count += len(records)
        except tf.errors.DataLossError as error:
            raise DataError(
                f"{path} must be a whole TFRecord file. Received: {error.message}"
            ) from error
        counts.append(count)
    return {
        "counts": counts,
        "offsets": np.array(offsets, np.int64),
        "labels": np.concatenate([np.empty(0, np.int32), *labels]),
        "sha256": sha.hexdigest(),
    }


def _identity(paths: Sequence[str]) -> str:
    sha = hashlib.sha256(f"{_EDITION}\n".encode())
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise DataError(f"{path} must be readable. Received: {error.strerror}") from error
        sha.update(f"{os.path.abspath(path)}\n{status.st_size} {status.st_mtime_ns}\n".encode())
    return sha.hexdigest()
