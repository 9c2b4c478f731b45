"""Learning curves of several experiments, each a mean over seeds with a band around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xadv_tf.figures.series import series

Array = npt.NDArray[Any]

# Inches; panels in a row.
_PANEL, _HEIGHT, _IN_A_ROW = 4.1, 2.9, 3
_LEGEND, _LEGEND_LINE = 1.95, 0.24
# Between the largest mean and the smallest: from there on, a panel is logarithmic.
_WIDE = 50.0


@dataclass(frozen=True)
class Curve:
    """One quantity of one experiment over its training.

    Attributes:
        label: of the experiment.
        steps: rising, [points].
        values: of each run, [runs, points]; NaN where a run has none.
    """

    label: str
    steps: Array
    values: Array

    @property
    def mean(self) -> Array:
        """Over the runs, [points]."""
        return np.asarray(np.nanmean(self.values, axis=0))

    @property
    def std(self) -> Array:
        """Over the runs, divisor n - 1, [points]; 0 of one run."""
        squares = np.nansum((self.values - self.mean) ** 2, axis=0)
        runs = np.sum(np.isfinite(self.values), axis=0)
        return np.asarray(np.sqrt(squares / np.maximum(runs - 1, 1)))


def draw_curves(panels: Mapping[str, Sequence[Curve]], *, title: str) -> Figure:
    """Draws a panel for each quantity: the mean of each experiment, one standard deviation around.

    An experiment looks the same in every panel. Points that only some runs reached stand on those.
    A quantity whose means are all positive and differ by a factor of 50 has a logarithmic axis.

    Args:
        panels: {quantity, as its axis is called: curves}.
        title: of the whole.

    Raises:
        ValueError: if there is nothing to draw.
    """
    if not panels or not all(panels.values()):
        raise ValueError(f"each panel must have a curve. Received: {dict(panels)}")
    labels = list(dict.fromkeys(curve.label for curves in panels.values() for curve in curves))
    rows = math.ceil(len(panels) / _IN_A_ROW)
    columns = math.ceil(len(panels) / rows)
    width = columns * _PANEL
    legend_columns = min(len(labels), int(width / _LEGEND))
    legend = 0.15 + _LEGEND_LINE * math.ceil(len(labels) / legend_columns)
    height = 0.5 + rows * _HEIGHT + legend
    figure = Figure(figsize=(width, height), facecolor="white")
    for number, (quantity, curves) in enumerate(panels.items()):
        row, column = divmod(number, columns)
        left, bottom = column * _PANEL + 0.75, height - 0.45 - (row + 1) * _HEIGHT + 0.55
        box = (left / width, bottom / height, (_PANEL - 0.95) / width, (_HEIGHT - 0.7) / height)
        ax = figure.add_axes(box)
        for curve in curves:
            _draw_curve(ax, curve, labels.index(curve.label))
        means = np.concatenate([curve.mean for curve in curves])
        if 0 < _WIDE * np.min(means) < np.max(means):
            ax.set_yscale("log")
            ax.set_ylim(np.min(means) / 2, None)
        ax.set_ylabel(quantity, fontsize=10)
        ax.set_xlabel("step", fontsize=10)
        ax.grid(color="#dddddd", linewidth=0.6)
        ax.tick_params(labelsize=9)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.margins(x=0.02)
    handles: dict[str, Artist] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles[label] = handle
    figure.legend(
        handles=[handles[label] for label in labels],
        labels=labels,
        loc="lower center",
        ncols=legend_columns,
        fontsize=9,
        handlelength=3.5,
        frameon=False,
    )
    figure.suptitle(title, x=0.15 / width, ha="left", y=1 - 0.12 / height, va="top", fontsize=12)
    return figure


def _draw_curve(ax: Axes, curve: Curve, number: int) -> None:
    look = series(number)
    steps, mean, std = curve.steps, curve.mean, curve.std
    # Markers at places of their own: on each other they would hide.
    every = max(1, len(steps) // 6)
    ax.plot(steps, mean, color=look.color, linestyle=look.dash, linewidth=1.5, marker=look.marker,
            markersize=4, markevery=(number % every, every), label=curve.label)  # fmt: skip
    if np.any(std > 0):
        ax.fill_between(steps, mean - std, mean + std, color=look.color, alpha=0.18, linewidth=0)
