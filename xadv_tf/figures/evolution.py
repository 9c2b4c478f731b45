"""What happens to masks over a training: log_alpha and x_adv of fixed images, step by step."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xadv_tf.figures import predictions, strips
from xadv_tf.figures.scales import round_up

Array = npt.NDArray[Any]

# Inches.
_CELL, _GAP, _BETWEEN = 0.95, 0.06, 0.3
_LEFT, _RIGHT, _TOP = 1.95, 0.8, 0.8
_LINE, _MARGIN = 0.2, 0.15
_WIDER = 0.2  # As masks.py shows x_adv beyond the range of x.


@dataclass(frozen=True)
class Snapshot:
    """What the mask of each image was after so many steps.

    Attributes:
        step: finished steps.
        log_alpha: [images, height', width', channels'].
        x_adv: masked images, [images, height, width, channels].
    """

    step: int
    log_alpha: Array
    x_adv: Array


def mean_move(first: Snapshot, later: Snapshot) -> float:
    """Mean |log_alpha - log_alpha'| over all gates of all images."""
    return float(np.mean(np.abs(later.log_alpha - first.log_alpha)))


def draw_evolution(
    x: Array,
    labels: Sequence[Any],
    snapshots: Sequence[Snapshot],
    *,
    title: str,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draws three rows for each image, and a column for each snapshot.

    The rows are log_alpha, what it has moved by since the first snapshot, and x_adv. Each has one
    scale for all images, the first two symmetric about 0. Under each column stands how far a gate
    has come, on average.

    Args:
        x: the clean images, [images, height, width, 1 or 3].
        labels: their classes, [images].
        snapshots: of these images, from the first on.
        title: of the whole.
        class_names: [classes]; classes' numbers by default.

    Raises:
        ValueError: for no snapshot, or one of another number of images.
    """
    if not snapshots or any(len(each.log_alpha) != len(x) for each in snapshots):
        raise ValueError(
            f"snapshots must be one or more, each of the {len(x)} images. "
            f"Received: {[len(each.log_alpha) for each in snapshots]}"
        )
    strip = len(snapshots) * (_CELL + _GAP) - _GAP
    width = _LEFT + strip + _RIGHT
    caption = textwrap.wrap(_CAPTION, round(width * 12.5))
    titles = textwrap.wrap(title, round(width * 9.5))
    rows = _rows(x, snapshots)
    block = len(rows) * (_CELL + _GAP) - _GAP
    below = 0.35 + _LINE * len(caption) + _MARGIN
    top_margin = _TOP + 0.22 * (len(titles) - 1)
    height = top_margin + len(x) * (block + _BETWEEN) - _BETWEEN + 0.1 + _LINE + below
    figure = Figure(figsize=(width, height), facecolor="white")

    def place(left: float, bottom: float, box_width: float, box_height: float) -> Axes:
        box = (left / width, bottom / height, box_width / width, box_height / height)
        return figure.add_axes(box, xticks=[], yticks=[])

    def write(text: str, left: float, y: float, **style: Any) -> None:
        figure.text(left / width, y / height, text, **{"va": "center", "fontsize": 10, **style})

    for i, (image, label) in enumerate(zip(x, labels, strict=True)):
        bottom = height - top_margin - i * (block + _BETWEEN) + _GAP
        for symbol, values, scale in rows:
            bottom -= _CELL + _GAP
            ax = place(_LEFT, bottom, strip, _CELL)
            strips.draw_images(ax, values[:, i], scale, gap=_GAP / _CELL)
            bar = place(width - _RIGHT + 0.06, bottom + 0.1 * _CELL, 0.12, 0.8 * _CELL)
            strips.draw_scale(ax, bar, scale)
            write(symbol, _LEFT - 0.1, bottom + _CELL / 2, ha="right", fontsize=14)
        # Beside the masked image, which it is on one scale with.
        clean = place(_MARGIN, bottom, _CELL, _CELL)
        strips.draw_images(clean, image[np.newaxis], rows[-1][2])
        name = predictions.class_name(label, class_names, predictions.HEADING)
        write(f"x: {name}", _MARGIN, bottom + _CELL + 0.05, va="bottom")
    bottom = height - top_margin - len(x) * (block + _BETWEEN) + _BETWEEN - 0.1 - _LINE / 2
    write("log α has moved by", _LEFT - 0.1, bottom, ha="right")
    for column, snapshot in enumerate(snapshots):
        middle = _LEFT + column * (_CELL + _GAP) + _CELL / 2
        step = f"step {snapshot.step:,}" if not column else f"{snapshot.step:,}"
        write(step, middle, height - top_margin + 0.12, ha="center")
        write(f"{mean_move(snapshots[0], snapshot):.3g}", middle, bottom, ha="center")
    write("\n".join(titles), _MARGIN, height - 0.15, va="top", fontsize=12)
    write("\n".join(caption), _MARGIN, below - 0.35, va="top", linespacing=1.4)
    return figure


def _rows(
    x: Array, snapshots: Sequence[Snapshot]
) -> list[tuple[str, npt.NDArray[Any], strips.Scale]]:
    """(symbol, values [snapshots, images, height, width, channels], scale), from the top on."""
    log_alpha = np.stack([np.mean(s.log_alpha, axis=-1, keepdims=True) for s in snapshots])
    x_adv = np.stack([s.x_adv for s in snapshots])
    wider = _WIDER * (float(np.ptp(x)) or 1.0)
    image_scale = strips.linear("gray", float(x.min()) - wider, float(x.max()) + wider)
    rows = [(r"log $\alpha$", log_alpha, _around_zero("RdBu_r", log_alpha))]
    if len(snapshots) > 1:
        moved = log_alpha - log_alpha[0]
        rows.append(("moved", moved, _around_zero("PuOr_r", moved[-1])))
    return [*rows, (r"x $\odot$ z", x_adv, image_scale)]


def _around_zero(colors: str, values: Array) -> strips.Scale:
    limit = round_up(float(np.quantile(np.abs(values), 0.995)))
    return strips.linear(colors, -limit, limit)


_CAPTION = (
    "log α: red opens a gate, blue closes it; zeros of log α give half-open gates. moved: how far "
    "log α has come since it began, orange up, purple down; the mean distance below. x ⊙ z: the "
    "masked image, without the noise that z has in training."
)
