"""Picture of a confusion matrix, readable for ten classes and for a hundred."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from xadv_tf.figures.scales import round_up

# More classes than that have no room for numbers.
_MOST_WITH_NUMBERS = 20
# Inches; letters are about 0.6 of a font's size wide.
_CELL, _SMALL_CELL = 0.55, 0.115
_TITLE, _TITLE_LINE, _AXIS_LABEL, _BARS = 0.4, 0.2, 0.5, 2.0
_TITLE_SIZE = 12
_LETTER = 0.6 / 72


def draw_confusion(
    confusion: npt.NDArray[Any], class_names: Sequence[str], *, title: str
) -> Figure:
    """Draws a row for each true class and a column for each predicted one.

    Colours are shares of the true class's examples. Hits (blue, 0 to 100 %) and errors (red, to a
    round number) have scales of their own: on one, the errors of a good classifier would vanish.

    Args:
        confusion: counts [classes, classes], as `xadv_tf.metrics.confusion_matrix` gives them.
        class_names: [classes].
        title: what was evaluated.

    Raises:
        ValueError: if there is not a name for each class.
    """
    classes = len(confusion)
    if len(class_names) != classes:
        raise ValueError(
            f"class_names must name each of the {classes} classes. Received: {len(class_names)}"
        )
    numbers = classes <= _MOST_WITH_NUMBERS
    side = classes * (_CELL if numbers else _SMALL_CELL)
    fontsize = 10 if numbers else 6
    margin = _AXIS_LABEL + max(map(len, class_names)) * fontsize * _LETTER
    width = margin + side + _BARS
    # Of few classes the picture is narrower than its title.
    lines = textwrap.wrap(title, max(20, int((width - 0.3) / (_TITLE_SIZE * _LETTER))))
    height = margin + side + _TITLE + _TITLE_LINE * len(lines)
    figure = Figure(figsize=(width, height), facecolor="white")
    box = (margin / width, margin / height, side / width, side / height)
    ax = figure.add_axes(box)
    share = 100 * confusion / np.maximum(np.sum(confusion, axis=1, keepdims=True), 1)
    hit = np.eye(classes, dtype=bool)
    most_errors = round_up(float(np.max(share[~hit], initial=0.0)))
    # No colour where there is no error: single ones stand out from the ground.
    shown = (
        ("hits", "Blues", 100.0, np.ma.masked_array(share, ~hit)),
        ("errors", "Reds", most_errors, np.ma.masked_array(share, hit | (share == 0))),
    )
    for number, (name, colors, limit, values) in enumerate(shown):
        image = ax.imshow(values, cmap=colors, vmin=0.0, vmax=limit)
        left = (margin + side + 0.25 + 0.85 * number) / width
        bar = figure.add_axes((left, box[1], 0.16 / width, box[3]))
        figure.colorbar(image, cax=bar).ax.tick_params(labelsize=9)
        bar.set_title(f"{name}, %", fontsize=9)
    if numbers:
        _write_numbers(ax, confusion, share, most_errors)
    _name_axes(ax, class_names, fontsize)
    left = 0.15 / width if len(lines) > 1 else box[0]
    figure.suptitle("\n".join(lines), x=left, ha="left", fontsize=_TITLE_SIZE,
                    y=1 - 0.12 / height, va="top")  # fmt: skip
    return figure


def _write_numbers(ax: Any, confusion: npt.NDArray[Any], share: Any, most_errors: float) -> None:
    for (i, j), count in np.ndenumerate(confusion):
        if count:
            dark = share[i, j] > 0.6 * (100.0 if i == j else most_errors)
            color = "white" if dark else "black"
            ax.text(j, i, str(count), ha="center", va="center", fontsize=9, color=color)


def _name_axes(ax: Any, class_names: Sequence[str], fontsize: int) -> None:
    places = range(len(class_names))
    ax.set_xticks(places, class_names, rotation=90, fontsize=fontsize)
    ax.set_yticks(places, class_names, fontsize=fontsize)
    ax.tick_params(length=0)
    ax.set_xlabel("predicted class", fontsize=11)
    ax.set_ylabel("true class", fontsize=11)
