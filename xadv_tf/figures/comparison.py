"""Multiplicative beside additive perturbations, on examples of several data sets (figure 5b)."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xadv_tf.figures import predictions, strips
from xadv_tf.figures.masks import Additive, Multiplicative
from xadv_tf.figures.scales import round_up

Array = npt.NDArray[Any]

# Inches. Columns are as wide as the predictions under them.
_CELL, _GAP, _BETWEEN = 1.0, 0.08, 0.35
_LEFT, _TOP, _MARGIN, _LINE = 1.1, 1.05, 0.15, 0.2
_UNDER_TEXT, _UNDER_LINE = 0.5, 0.3
_WIDER = 0.2


@dataclass(frozen=True)
class Block:
    """What two methods do to the same images of one data set.

    Attributes:
        name: of the data set.
        x: images as the classifiers see them, [images, height, width, 1 or 3].
        labels: their classes, [images].
        multiplicative, additive: what each method does to them.
        class_names: [classes]; classes' numbers by default.
    """

    name: str
    x: Array
    labels: Sequence[Any]
    multiplicative: Multiplicative
    additive: Additive
    class_names: Sequence[str] | None = None


def draw_comparison(blocks: Sequence[Block]) -> Figure:
    """Draws a block of columns for each data set, with rows x, z, x * z, r and x + r.

    Images of a block share a scale, z is from 0 to 1, and r is on a scale of its block, whose ends
    stand below it.

    Args:
        blocks: one or more.

    Raises:
        ValueError: for no block.
    """
    if not blocks:
        raise ValueError("blocks must be one or more. Received: none")
    strips_wide = [len(block.x) * (_CELL + _GAP) - _GAP for block in blocks]
    width = _LEFT + sum(strips_wide) + _BETWEEN * (len(blocks) - 1) + _MARGIN
    caption = textwrap.wrap(_CAPTION, round(width * 12.5))
    under = (_GAP, _GAP, _UNDER_TEXT, _UNDER_LINE, _UNDER_TEXT)
    below = _LINE * len(caption) + _MARGIN
    height = _TOP + 5 * _CELL + sum(under) + below
    figure = Figure(figsize=(width, height), facecolor="white")

    def write(text: str, left: float, y: float, **style: Any) -> None:
        figure.text(left / width, y / height, text, **{"va": "center", "fontsize": 10, **style})

    left = _LEFT
    for block, strip in zip(blocks, strips_wide, strict=True):
        bottom, rows = height - _TOP, []
        for gap in under:
            bottom -= _CELL
            box = (left / width, bottom / height, strip / width, _CELL / height)
            rows.append(figure.add_axes(box, xticks=[], yticks=[]))
            bottom -= gap
        _draw_block(rows, block)
        methods = f"{block.multiplicative.label}, {block.additive.label}"
        heading = f"{block.name}: {methods}"
        write(heading, left, height - _TOP + 0.38, fontsize=11, fontweight="bold")
        left += strip + _BETWEEN
    bottom = height - _TOP
    for symbol, gap in zip(("x", "z", r"x $\odot$ z", "r", "x + r"), under, strict=True):
        bottom -= _CELL
        write(symbol, _LEFT - 0.15, bottom + _CELL / 2, ha="right", fontsize=15)
        bottom -= gap
    write("What is multiplied, and what is added", _MARGIN, height - 0.15, va="top", fontsize=13)
    write("\n".join(caption), _MARGIN, below - 0.05, va="top", linespacing=1.4)
    return figure


def _draw_block(rows: Sequence[Axes], block: Block) -> None:
    x, mask, masked, r, added = rows
    wider = _WIDER * (float(np.ptp(block.x)) or 1.0)
    image = strips.linear("gray", float(block.x.min()) - wider, float(block.x.max()) + wider)
    perturbation = np.mean(block.additive.perturbation, axis=-1, keepdims=True)
    limit = block.additive.limit or round_up(float(np.quantile(np.abs(perturbation), 0.995)))
    for ax, values, scale in (
        (x, block.x, image),
        (mask, np.mean(block.multiplicative.mask, axis=-1, keepdims=True),
         strips.linear("gray", 0.0, 1.0)),
        (masked, block.multiplicative.x_adv, image),
        (r, perturbation, strips.linear("PuOr_r", -limit, limit)),
        (added, block.additive.x_adv, image),
    ):  # fmt: skip
        strips.draw_images(ax, values, scale, gap=_GAP / _CELL)
    names = [
        predictions.class_name(y, block.class_names, predictions.HEADING) for y in block.labels
    ]
    strips.write(x, names, below=False, fontsize=10)
    for ax, result in ((masked, block.multiplicative), (added, block.additive)):
        texts, colors = predictions.before_and_after(result.before, result.after, block.class_names)
        strips.write(ax, texts, colors, below=True, fontsize=8.5)
    text = f"purple −{limit:g}, white 0, orange +{limit:g}"
    r.annotate(text, (0, 0), (0, -5), xycoords="axes fraction", textcoords="offset points",
               fontsize=8.5, va="top")  # fmt: skip


_CAPTION = (
    "z: white keeps a pixel, black removes it. r: the mean over the colours. Under each perturbed "
    "image: the method's own prediction with its probability, for the clean and then for the "
    "perturbed image, in red where the predicted class changes."
)
