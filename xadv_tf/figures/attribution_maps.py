"""What attributions say of a few images: a row for each, beside the images themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from xadv_tf.figures import strips

Array = npt.NDArray[Any]

_CELL, _GAP = 0.52, 0.06  # Inches; a share of an image.
_LEFT, _TOP, _MARGIN = 1.55, 0.55, 0.1


def draw_attributions(
    x: Array, labels: Sequence[str], maps: Mapping[str, Array], *, title: str
) -> Figure:
    """Draws images in a row, and below them what each attribution gives their pixels.

    An attribution orders the pixels of one image, and its units mean nothing: each map's colours
    show the places in that order, from the first pixel (bright) to the last one (dark).

    Args:
        x: [images, height, width, 1 or 3].
        labels: above the images.
        maps: {attribution's name: [images, height, width]}.
        title: of the figure.
    """
    count, height, width = x.shape[:3]
    wide = count + (count - 1) * _GAP
    cell = _CELL * height / width
    size = (_LEFT + wide * _CELL + _MARGIN, _TOP + (1 + len(maps)) * cell * (1 + _GAP) + _MARGIN)
    figure = Figure(figsize=size, facecolor="white")
    rows = {"image": (x, strips.linear("gray", float(np.min(x)), float(np.max(x))))}
    for name, values in maps.items():
        rows[name] = (places(values)[..., None], strips.linear("viridis", 0.0, 1.0))
    for i, (name, (values, scale)) in enumerate(rows.items()):
        bottom = size[1] - _TOP - (i + 1) * cell - i * cell * _GAP
        box = (_LEFT / size[0], bottom / size[1], wide * _CELL / size[0], cell / size[1])
        ax = figure.add_axes(box)
        strips.draw_images(ax, values, scale, gap=_GAP)
        middle = (bottom + cell / 2) / size[1]
        figure.text((_LEFT - 0.08) / size[0], middle, name, ha="right", va="center", fontsize=8)
        if i == 0:
            strips.write(ax, labels, below=False, fontsize=7)
    figure.text(0.5, 1 - 0.06 / size[1], title, ha="center", va="top", fontsize=9)
    return figure


def places(values: Array) -> Array:
    """Each pixel's place in its image's order, 1 for the largest, equal ones sharing theirs.

    Args:
        values: [images, height, width].

    Returns:
        In [0, 1], shape of `values`.
    """
    flat = np.reshape(values, (len(values), -1))
    found = np.empty(flat.shape)
    for i, image in enumerate(flat):
        _, place, times = np.unique(image, return_inverse=True, return_counts=True)
        middle = np.cumsum(times) - (times + 1) / 2
        found[i] = middle[place] / max(flat.shape[1] - 1, 1)
    return np.reshape(found, values.shape)
