"""A data set of one's own in one file: NumPy's .npz with four arrays."""

import lzma
import os
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from xadv_tf.data.dataset import Dataset, Images
from xadv_tf.data.errors import DataError

SUFFIX = ".npz"
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
# What Keras's own files, like mnist.npz, call the same.
KERAS_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# Training and test images whose greatest values differ by more are not on one scale.
_MOST_TIMES_BRIGHTER = 8
# What reading an archive that is damaged, encrypted, packed in a way that is not known here
# (NotImplementedError is a RuntimeError) or said to be larger than any memory ends in.
_UNREADABLE = (
    OSError, EOFError, RuntimeError, MemoryError, OverflowError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
# What NumPy's reading of an array's header ends in where that is damaged.
_NO_ARRAY = (ValueError, TypeError, SyntaxError, tokenize.TokenError)


def load(path: str) -> Dataset:
    """Reads what `np.savez(path, train_images=..., train_labels=..., ...)` wrote.

    The arrays have the names `ARRAYS`, or all have those that Keras gives them, `KERAS_ARRAYS`.
    Images are [examples, height, width] or [examples, height, width, channels] with pixels from 0
    to 255, integers or floats; labels are integers, [examples] or [examples, 1], that count from 0,
    and the training labels use every class; -1 among these is an image of none. Training or test
    pixels that all lie in [0, 1] are refused: as values from 0 to 255 they would be black, and a
    guess would make one data set mean two things. So are training and test images of which one are
    at least 8 times as bright.

    Args:
        path: of the file; the name that the data set goes by.

    Raises:
        DataError: the file is not there, cannot be read, or holds anything else.
    """
    arrays = _read(path)
    train_name, train_labels_name, test_name, test_labels_name = arrays
    images = {name: _images(path, name, arrays[name]) for name in (train_name, test_name)}
    labels = {
        name: _labels(path, name, arrays[name], lowest=lowest)
        for name, lowest in ((train_labels_name, -1), (test_labels_name, 0))
    }
    _check_scale(path, {name: float(images[name][:].max()) for name in images})
    classes = np.unique(labels[train_labels_name])
    classes = classes[classes >= 0]
    if not len(classes) or classes[-1] != len(classes) - 1:
        missing = np.flatnonzero(classes != np.arange(len(classes)))[0]
        raise DataError(
            f"{train_labels_name} in {path} must use every class from 0 to the greatest, and class "
            f"{missing} has no example. Received: labels from 0 to {classes[-1]}"
        )
    height, width, channels = images[train_name].shape[1:]
    return Dataset(
        path,
        len(classes),
        (height, width, channels),
        images[train_name],
        labels[train_labels_name],
        images[test_name],
        labels[test_labels_name],
    )


def _check_scale(path: str, greatest: dict[str, float]) -> None:
    """Checks the greatest pixels of training and test images, each and both together."""
    for name, value in greatest.items():
        if value <= 1:
            raise DataError(
                f"The pixels in {path} must lie in [0, 255]; multiply pixels in [0, 1] by 255 "
                f"before saving them. Received: {name} with values up to {value:g}"
            )
    if max(greatest.values()) > _MOST_TIMES_BRIGHTER * min(greatest.values()):
        received = ", ".join(f"{name} with values up to {greatest[name]:g}" for name in greatest)
        raise DataError(
            f"The training and the test images in {path} must be on one scale, 0 to 255. "
            f"Received: {received}"
        )


def _read(path: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays by name, in the order of ARRAYS."""
    if not os.path.isfile(path):
        raise DataError(f"dataset must name an existing .npz file. Received: dataset={path}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = _names(path, [name.removesuffix(".npy") for name in archive.namelist()])
        with np.load(path, allow_pickle=False) as file:
            return {name: _member(path, name, file) for name in names}
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            "dataset must name a whole .npz file; this one cannot be read. "
            f"Received: dataset={path} ({reason})"
        ) from error


def _names(path: str, there: list[str]) -> tuple[str, ...]:
    """ARRAYS or KERAS_ARRAYS, whichever are there."""
    complete = [names for names in (ARRAYS, KERAS_ARRAYS) if set(names) <= set(there)]
    if len(complete) == 1:
        return complete[0]
    if complete:
        raise DataError(
            f"{path} must hold either {', '.join(ARRAYS)} or {', '.join(KERAS_ARRAYS)}. "
            "Received: both"
        )
    meant = max(ARRAYS, KERAS_ARRAYS, key=lambda names: len(set(names) & set(there)))
    raise DataError(
        f"{path} must hold the arrays {', '.join(ARRAYS)} (or {', '.join(KERAS_ARRAYS)}), and "
        f"lacks {', '.join(name for name in meant if name not in there)}. "
        f"Received: {', '.join(there) or 'no array'}"
    )


def _member(path: str, name: str, file: Any) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = file[name]
    except _NO_ARRAY as error:
        # A damaged header; or an array of Python objects, which is how NumPy packs images of
        # several sizes, and strings of type object.
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{name} in {path} must be one whole array of numbers, e.g. images of one size, "
            f"stacked. Received: {reason}"
        ) from error
    if not isinstance(array, np.ndarray):  # A member without the magic of .npy: NumPy gives bytes.
        raise DataError(
            f"{name} in {path} must be one whole array of numbers. Received: {len(array)} bytes "
            "that are no array"
        )
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


def _labels(path: str, name: str, array: npt.NDArray[Any], *, lowest: int) -> npt.NDArray[np.int32]:
    if array.ndim == 2 and array.shape[1] == 1:  # As Keras gives those of CIFAR.
        array = array[:, 0]
    if array.ndim != 1 or not array.size or array.dtype.kind not in "ui":
        raise DataError(
            f"{name} in {path} must be integers [examples], at least one. "
            f"Received: {array.dtype} {array.shape}"
        )
    if array.min() < lowest or not 0 <= array.max() <= np.iinfo(np.int32).max:
        none = ", or be -1 for none" if lowest else ""
        raise DataError(
            f"{name} in {path} must count the classes from 0{none}. "
            f"Received: labels from {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)
