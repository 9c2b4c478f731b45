"""A data set of one's own in one file: NumPy's .npz with four arrays."""

import os
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from xadv_tf.data.dataset import Dataset, Images
from xadv_tf.data.errors import DataError

SUFFIX = ".npz"
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def load(path: str) -> Dataset:
    """Reads what `np.savez(path, train_images=..., train_labels=..., ...)` wrote.

    Images are [examples, height, width] or [examples, height, width, channels] with pixels from 0
    to 255, integers or floats; labels are integers [examples] that count from 0, and the training
    labels use every class. Pixels that all lie in [0, 1] are refused: as values from 0 to 255 they
    would be black, and a guess would make one data set mean two things.

    Args:
        path: of the file; the name that the data set goes by.

    Raises:
        DataError: the file is not there, cannot be read, or holds anything else.
    """
    arrays = _read(path)
    parts: dict[str, Any] = {
        name: _labels(path, name, array) if name.endswith("labels") else _images(path, name, array)
        for name, array in arrays.items()
    }
    if parts["train_images"].max() <= 1:
        raise DataError(
            f"The pixels in {path} must lie in [0, 255]; multiply pixels in [0, 1] by 255 before "
            f"saving them. Received: train_images with values up to {parts['train_images'].max()}"
        )
    classes = np.unique(parts["train_labels"])
    if classes[-1] != len(classes) - 1:
        missing = np.flatnonzero(classes != np.arange(len(classes)))[0]
        raise DataError(
            f"train_labels in {path} must use every class from 0 to the greatest, and class "
            f"{missing} has no example. Received: labels from 0 to {classes[-1]}"
        )
    height, width, channels = parts["train_images"].shape[1:]
    return Dataset(path, len(classes), (height, width, channels), *parts.values())


def _read(path: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays by name, in the order of ARRAYS."""
    if not os.path.isfile(path):
        raise DataError(f"dataset must name an existing .npz file. Received: dataset={path}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
        missing = [name for name in ARRAYS if name not in names]
        if missing:
            raise DataError(
                f"{path} must hold the arrays {', '.join(ARRAYS)}, and lacks "
                f"{', '.join(missing)}. Received: {', '.join(names) or 'no array'}"
            )
        with np.load(path, allow_pickle=False) as file:
            return {name: _member(path, name, file) for name in ARRAYS}
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            "dataset must name a whole .npz file; this one cannot be read. "
            f"Received: dataset={path} ({error})"
        ) from error


def _member(path: str, name: str, file: Any) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = file[name]
    except ValueError as error:
        # NumPy packs images of several sizes into an array of Python objects.
        raise DataError(
            f"{name} in {path} must be one array of numbers: images of one size, stacked. "
            f"Received: {error}"
        ) from error
    return array


def _images(path: str, name: str, array: npt.NDArray[Any]) -> Images:
    kind = array.dtype.kind
    if array.ndim not in (3, 4) or not array.size or kind not in "uif":
        raise DataError(
            f"{name} in {path} must be numbers [examples, height, width] or [examples, height, "
            f"width, channels], at least one image. Received: {array.dtype} {array.shape}"
        )
    if kind == "f" and not np.isfinite(array).all():
        raise DataError(
            f"{name} in {path} must be finite. "
            f"Received: {np.sum(~np.isfinite(array))} pixels that are NaN or infinite"
        )
    if array.min() < 0 or array.max() > 255:
        raise DataError(
            f"{name} in {path} must lie in [0, 255]. "
            f"Received: pixels from {array.min()} to {array.max()}"
        )
    if array.ndim == 3:
        array = array[..., np.newaxis]
    # Floats stay floats: no byte holds them.
    return array.astype(np.float32) if kind == "f" else array.astype(np.uint8, copy=False)


def _labels(path: str, name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    if array.ndim != 1 or not array.size or array.dtype.kind not in "ui":
        raise DataError(
            f"{name} in {path} must be integers [examples], at least one. "
            f"Received: {array.dtype} {array.shape}"
        )
    if array.min() < 0 or array.max() > np.iinfo(np.int32).max:
        raise DataError(
            f"{name} in {path} must count the classes from 0. "
            f"Received: labels from {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)
