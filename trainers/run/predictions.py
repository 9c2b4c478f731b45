"""test_predictions.npz: what a finished run says of each test image, beside what is true.

One byte an image (two where there are more than 256 classes), the images in the order of the test
set: two runs can be compared image by image without their networks.
"""

import io
import pathlib
import zipfile
from typing import Any

import numpy as np

from trainers.run.records import DamagedError
from trainers.run.storage import write_aside

NAME = "test_predictions.npz"


def write(run: pathlib.Path, predicted: Any, labels: Any) -> None:
    """Writes the file into a run's directory.

    Args:
        run: the directory.
        predicted: classes, integers [images].
        labels: the true classes, integers [images].
    """
    file = io.BytesIO()
    np.savez_compressed(file, predicted=packed(predicted), labels=packed(labels))
    write_aside(run / NAME, file.getvalue())


def read(run: pathlib.Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The predicted and the true classes, both [images]; None where a run left none.

    Raises:
        DamagedError: the file is not as it was written.
    """
    file = run / NAME
    if not file.exists():
        return None
    try:
        # Of a file that is cut NumPy leaves open what it opened itself.
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            predicted, labels = arrays["predicted"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedError(f"{file} is damaged (it holds no predictions)") from error
    if predicted.shape != labels.shape or predicted.ndim != 1:
        raise DamagedError(f"{file} is damaged (predictions and labels differ in number)")
    return predicted, labels


def are_sound(run: pathlib.Path) -> bool:
    """Whether a run has its predictions as they were written."""
    try:
        return read(run) is not None
    except DamagedError:
        return False


def packed(classes: Any) -> np.ndarray:
    """Classes as uint8, or as uint16 where there are more than 256."""
    classes = np.asarray(classes)
    kept: np.ndarray = classes.astype(np.uint8 if np.max(classes, initial=0) < 256 else np.uint16)
    return kept
