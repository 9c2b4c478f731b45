"""Curves over the share of exchanged pixels, in panels, told apart without colour too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

Array = npt.NDArray[Any]

# Okabe & Ito's palette, which colour-blind readers tell apart, on two kinds of lines.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000")
_LINES = ("-", "--")
_MARKERS = "osv^DPX*<>d"


@dataclass(frozen=True)
class MeanCurve:
    """A mean over images and its interval, [points] each."""

    label: str
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Panel:
    """Curves that share axes."""

    title: str
    curves: Sequence[MeanCurve]


def draw_removal_curves(
    share: Array, panels: Sequence[Sequence[Panel]], *, xlabels: Sequence[str], title: str
) -> Figure:
    """Draws rows of panels with one legend; a label has the same line in all of them.

    Args:
        share: of the pixels that are exchanged at each point, in [0, 1], [points].
        panels: rows of as many panels each.
        xlabels: of each row's horizontal axes.
        title: of the figure.

    Returns:
        The figure, as wide as a printed page.
    """
    columns = len(panels[0])
    labels = list(dict.fromkeys(c.label for row in panels for panel in row for c in panel.curves))
    legend_rows = -(-len(labels) // 4)
    height = 2.1 * len(panels) + 0.4 + 0.22 * legend_rows
    figure = Figure(figsize=(7.2, height), facecolor="white", layout="constrained")
    grid = figure.subplots(len(panels), columns, sharey=True, squeeze=False)
    for i, row in enumerate(panels):
        for j, panel in enumerate(row):
            ax = grid[i, j]
            for curve in panel.curves:
                style = _style(labels.index(curve.label), len(share))
                ax.fill_between(
                    share, curve.low, curve.high, color=style["color"], alpha=0.15, lw=0
                )
                ax.plot(share, curve.mean, label=curve.label, **style)
            ax.set(xlim=(0, 1), ylim=(0, 1))
            ax.set_title(panel.title, fontsize=8)
            ax.set_xlabel(xlabels[i], fontsize=8)
            ax.tick_params(labelsize=7)
            ax.grid(alpha=0.3, linewidth=0.4)
        grid[i, 0].set_ylabel("probability of the class", fontsize=8)
    figure.suptitle(title, fontsize=9)
    handles = {h.get_label(): h for ax in grid.flat for h in ax.get_lines()}
    figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=4,
        fontsize=7.5,
        frameon=False,
        handlelength=3,
    )
    return figure


def _style(number: int, points: int) -> dict[str, Any]:
    return {
        "color": _COLORS[number % len(_COLORS)],
        "linestyle": _LINES[number // len(_COLORS) % len(_LINES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        # Not at each point, and not at the same points for all.
        "markevery": np.arange(number % 4, points, 4).tolist(),
        "markersize": 3,
        "linewidth": 1.0,
    }
