"""Figures as files, there whole or not at all, and as arrays of pixels."""

import os
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


def check_name(path: str | os.PathLike[str] | None) -> pathlib.Path:
    """The path, if its ending is one of `FORMATS`.

    Raises:
        ValueError: for another ending, or for no path.
    """
    if path is None or pathlib.Path(path).suffix[1:] not in FORMATS:
        raise ValueError(
            f"A picture's file must be named, ending in .{', .'.join(FORMATS)}. "
            f"Received: {path or 'nothing'}"
        )
    return pathlib.Path(path)


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Writes the figure aside and renames it; makes the directory if missing.

    Args:
        figure: a matplotlib figure.
        path: the file; its ending is the format, one of `FORMATS`.
        dpi: pixels an inch.

    Raises:
        ValueError: for another ending.
    """
    path = check_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        figure.savefig(aside, dpi=dpi, format=path.suffix[1:])
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def pixels(figure: Figure, *, dpi: int = 75) -> npt.NDArray[np.uint8]:
    """The drawn figure, uint8 [height, width, 3], for a log of images.

    Args:
        figure: a matplotlib figure.
        dpi: pixels an inch.
    """
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]
