"""Accuracy over the strength of attacks: a row of panels for each threat, a line for each group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart by every kind of colour vision; markers and dashes tell them in grey.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
# Inches of a panel, and of what stands around the panels.
_WIDTH, _HEIGHT, _LEGEND = 2.35, 2.1, 0.55


@dataclass(frozen=True)
class Curve:
    """Accuracies over strengths.

    Attributes:
        label: the same in all panels for the same group of runs.
        accuracy: shares in [0, 1], [strengths].
        low: lower ends of their intervals.
        high: upper ends.
    """

    label: str
    accuracy: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One attack.

    Attributes:
        title: its name.
        strengths: of all curves.
        curves: may be of some groups only.
    """

    title: str
    strengths: Sequence[float]
    curves: Sequence[Curve]


@dataclass(frozen=True)
class Row:
    """One threat.

    Attributes:
        label: what its strength is, for the axis below.
        panels: side by side.
    """

    label: str
    panels: Sequence[Panel]


def draw_robustness(rows: Sequence[Row], *, title: str, caption: str) -> Figure:
    """Draws small panels that share the scale of accuracy and, in a row, that of strength.

    Args:
        rows: at least one, each with at least one panel.
        title: what was attacked.
        caption: what bands and accuracies are.
    """
    columns = max(len(row.panels) for row in rows)
    labels = _labels(rows)
    width = max(6.0, columns * _WIDTH + 0.4)
    height = len(rows) * (_HEIGHT + 0.5) + _LEGEND + 0.9
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, sharey=True, sharex="row")
    for row, cells in zip(rows, axes, strict=True):
        for cell in cells[len(row.panels) :]:
            cell.set_axis_off()
        for panel, ax in zip(row.panels, cells, strict=False):
            _draw_panel(ax, panel, labels)
            ax.set_xlabel(row.label, fontsize=9)
            ax.tick_params(labelsize=8, labelbottom=True)
        cells[0].set_ylabel("accuracy, %", fontsize=9)
    handles = {line.get_label(): line for ax in axes.flat for line in ax.lines}
    figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=min(len(labels), max(1, round(width / 2.2))),
        fontsize=9,
        frameon=False,
        title=caption,  # A text of the figure's own would lie upon the legend.
        title_fontsize=9,
    )
    figure.suptitle(title, fontsize=12)
    return figure


def _labels(rows: Sequence[Row]) -> list[str]:
    curves = [curve for row in rows for panel in row.panels for curve in panel.curves]
    return list(dict.fromkeys(curve.label for curve in curves))


def _draw_panel(ax: Any, panel: Panel, labels: Sequence[str]) -> None:
    strengths: npt.NDArray[Any] = np.asarray(panel.strengths)
    for curve in panel.curves:
        i = labels.index(curve.label)
        color = _COLORS[i % len(_COLORS)]
        low, high, accuracy = (
            100 * np.asarray(each) for each in (curve.low, curve.high, curve.accuracy)
        )
        ax.fill_between(strengths, low, high, color=color, alpha=0.15, linewidth=0)
        ax.plot(strengths, accuracy, label=curve.label, color=color, linewidth=1.4,
                marker=_MARKERS[i % len(_MARKERS)], markersize=3.5,
                linestyle=_DASHES[i % len(_DASHES)])  # fmt: skip
    ax.set_title(panel.title, fontsize=10)
    ax.set(ylim=(0, 100), xlim=(0, 1.02 * float(np.max(strengths))))
    ax.set_yticks(range(0, 101, 20))
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
