"""A strip: a row of images in one axes, texts above and below them, and their colour scale.

One axes for a whole row: an axes for each image takes three times as long to make and to draw, and
training logs such pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath

# Of the distance from image to image, what texts may take.
_ROOM = 0.95


@dataclass(frozen=True)
class Scale:
    """Which colour a value has.

    Attributes:
        colors: matplotlib's name of a colormap; not looked at for images in colour.
        norm: values to [0, 1].
        ticks: values that the scale marks.
    """

    colors: str
    norm: Normalize
    ticks: tuple[float, ...]


def linear(colors: str, low: float, high: float) -> Scale:
    """Marked at its ends and in the middle."""
    middle = (low + high) / 2
    middle = middle if abs(middle) > 1e-3 * (high - low) else 0.0
    return Scale(colors, Normalize(low, high), (low, middle, high))


def asinh(colors: str, limit: float) -> Scale:
    """Symmetric about 0, linear below limit / 10 and logarithmic beyond.

    A scale that is fixed before the values are known shows small ones too.
    """
    small = limit / 10
    norm = AsinhNorm(small, vmin=-limit, vmax=limit, clip=True)
    return Scale(colors, norm, (-limit, -small, small, limit))


def draw_images(ax: Axes, images: npt.NDArray[Any], scale: Scale, *, gap: float = 0.0) -> None:
    """Draws images side by side, all on one scale, each in its own proportions.

    Args:
        ax: becomes the strip; its box should be as wide as all images and gaps, and one image high.
            An image of other proportions stands in the middle of its part of the box.
        images: [images, height, width, 1 or 3].
        scale: of their values.
        gap: space between two images, in widths of an image.
    """
    ax.set_axis_off()
    whole = len(images) + (len(images) - 1) * gap
    width, height = _filled(ax, whole, images.shape[1:3])
    for i, values in enumerate(images):
        left, bottom = i * (1 + gap) + (1 - width) / 2, (1 - height) / 2
        extent = (left, left + width, bottom, bottom + height)
        if values.shape[-1] == 3:
            shown = np.clip(scale.norm(values), 0.0, 1.0)
            ax.imshow(shown, extent=extent, aspect="auto")
        else:
            ax.imshow(values[..., 0], extent=extent, aspect="auto", interpolation="nearest",
                      cmap=scale.colors, norm=scale.norm)  # fmt: skip
        # A frame: a mask that keeps everything is as white as the paper.
        frame = Rectangle((left, bottom), width, height, fill=False, linewidth=0.8, clip_on=False)
        ax.add_patch(frame)
    # Each imshow moves the limits to its own image.
    ax.set(xlim=(0, whole), ylim=(0, 1))


def _filled(ax: Axes, whole: float, shape: Sequence[int]) -> tuple[float, float]:
    """How much of its part of a strip an image fills, (width, height), each in (0, 1].

    Args:
        ax: the strip.
        whole: its width, in parts.
        shape: of an image, (height, width).
    """
    width, height = _inches(ax)
    part = height / (width / whole)
    ratio = shape[0] / shape[1] / part  # Above 1 where the image is the taller one.
    if abs(ratio - 1) < 0.01:
        return 1.0, 1.0
    return min(1.0, 1 / ratio), min(1.0, ratio)


def _inches(ax: Axes) -> tuple[float, float]:
    """Width and height of a strip."""
    box, figure = ax.get_position(), ax.figure.get_size_inches()  # type: ignore[union-attr]
    return box.width * figure[0], box.height * figure[1]


def write(
    ax: Axes,
    texts: Sequence[str],
    colors: Sequence[str] | None = None,
    *,
    below: bool,
    fontsize: float,
    **style: Any,
) -> None:
    """Writes a text above or below each image of a strip.

    Where one would reach into its neighbour, all are written smaller.

    Args:
        ax: a strip that `draw_images` drew.
        texts: one an image.
        colors: of the texts; black by default.
        below: on which side of the images.
        fontsize: in points, at most.
        **style: of matplotlib's texts.
    """
    size = _fitting(ax, texts, fontsize)
    for i, text in enumerate(texts):
        left, right, _, _ = ax.images[i].get_extent()
        ax.annotate(
            text,
            ((left + right) / 2, 0.0 if below else 1.0),
            (0, -4 if below else 6),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            color=colors[i] if colors else "black",
            fontsize=size,
            **style,
        )


def _fitting(ax: Axes, texts: Sequence[str], fontsize: float) -> float:
    """The size at which every line is narrower than an image and the gap to the next one."""
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    if len(ax.images) < 2 or not lines:
        return fontsize
    lefts = [image.get_extent()[0] for image in ax.images[:2]]
    whole = ax.get_xlim()[1] - ax.get_xlim()[0]
    room = _ROOM * 72 * _inches(ax)[0] * (lefts[1] - lefts[0]) / whole
    widest = max(TextPath((0, 0), line, size=fontsize).get_extents().width for line in lines)
    return float(fontsize * min(1.0, room / widest))


def draw_scale(ax: Axes, bar: Axes, scale: Scale) -> None:
    """Draws a strip's colour scale.

    Args:
        ax: a strip that `draw_images` drew.
        bar: becomes the scale; empty for images in colour, which have none.
        scale: as it was drawn with.
    """
    shown = ax.images[0]
    if shown.get_array().ndim == 3:  # type: ignore[union-attr]
        bar.set_axis_off()
        return
    ax.figure.colorbar(shown, cax=bar).set_ticks(scale.ticks)
    bar.set_yticklabels([f"{tick:.3g}".replace("-", "−") for tick in scale.ticks])
    bar.minorticks_off()
    bar.tick_params(labelsize=10)
