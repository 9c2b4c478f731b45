"""Points of two classes in a plane: where classifiers divide it, and how points are perturbed."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

Array = npt.NDArray[Any]

# Of Okabe and Ito; the darker one is the class that is a triangle.
_COLORS = ("#e69f00", "#0072b2")
# Tints of the same, as different in grey as they are in colour.
_TINTS = ListedColormap(["#fbe3b3", "#fdf4e1", "#e3edf4", "#a9cbe2"])
_MARKERS = ("o", "^")
_CONFIDENT = 0.95
# Inches.
_PANEL, _HEADING, _LEGEND, _MARGIN = 2.9, 0.55, 0.35, 0.15
_GAP, _TITLE, _LINE = 0.15, 0.4, 0.2
_IN_A_ROW = 5


@dataclass(frozen=True)
class Plane:
    """A classifier of two classes on a plane, and what a method does to some points of it.

    Attributes:
        label: of the method.
        note: a second line above the panel.
        probability: of class 1 on an even grid over `extent`, [rows, columns], from its lower left
            corner on.
        x: points, [points, 2].
        x_adv: the same perturbed, or None for a method that perturbs nothing.
    """

    label: str
    note: str
    probability: Array
    x: Array
    x_adv: Array | None = None


def draw_planes(
    planes: Sequence[Plane],
    *,
    extent: float,
    labeled: Array,
    labels: Array,
    title: str,
    caption: str = "",
) -> Figure:
    """Draws a panel for each method, all of the same points.

    The ground is light on both sides of the black line where the classes are equally likely, and
    darker where one has 95 % or more. Lines lead from points to what they are perturbed to.

    Args:
        planes: one or more.
        extent: the panels are from -extent to extent in both directions.
        labeled: the points with a label, [labeled, 2].
        labels: their classes, 0 or 1, [labeled].
        title: of the whole.
        caption: below, or nothing.

    Raises:
        ValueError: for no plane.
    """
    if not planes:
        raise ValueError("planes must be one or more. Received: none")
    rows = math.ceil(len(planes) / _IN_A_ROW)
    columns = math.ceil(len(planes) / rows)
    width = 2 * _MARGIN + columns * (_PANEL + _GAP) - _GAP
    lines = textwrap.wrap(caption, round((width - 0.3) * 13))
    titles = textwrap.wrap(title, round((width - 0.3) * 10))
    title_height = _TITLE + 0.22 * (len(titles) - 1)
    below = _LEGEND * (2 if columns < 2 else 1) + _LINE * len(lines) + _MARGIN
    height = title_height + rows * (_HEADING + _PANEL) + below
    figure = Figure(figsize=(width, height), facecolor="white")
    for number, plane in enumerate(planes):
        row, column = divmod(number, columns)
        left = _MARGIN + column * (_PANEL + _GAP)
        bottom = height - title_height - (row + 1) * (_HEADING + _PANEL)
        box = (left / width, bottom / height, _PANEL / width, _PANEL / height)
        ax = figure.add_axes(box, xticks=[], yticks=[])
        _draw_plane(ax, plane, extent)
        for label in (0, 1):
            own = labeled[labels == label]
            ax.scatter(own[:, 0], own[:, 1], s=46, marker=_MARKERS[label], c=_COLORS[label],
                       edgecolors="black", linewidths=1.1, zorder=4)  # fmt: skip
        ax.set(xlim=(-extent, extent), ylim=(-extent, extent))
        ax.set_title(f"{plane.label}\n{plane.note}", fontsize=9.5, linespacing=1.3)
    figure.text(_MARGIN / width, 1 - 0.1 / height, "\n".join(titles), fontsize=12, va="top")
    handles = [
        *(Line2D([], [], linestyle="", marker=_MARKERS[i], color=_COLORS[i], markersize=7,
                 markeredgecolor="black", label=f"labeled, class {i}") for i in (0, 1)),
        Line2D([], [], color="black", linewidth=1.6, label="boundary"),
        Line2D([], [], color="#444444", linewidth=0.8, marker="o", markersize=3, markevery=[1],
               label="from x to x_adv"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="lower center", frameon=False, fontsize=9,
                  bbox_to_anchor=(0.5, (_LINE * len(lines) + _MARGIN) / height),
                  ncols=4 if columns > 1 else 2, borderaxespad=0.0, columnspacing=1.2)  # fmt: skip
    figure.text(_MARGIN / width, (_LINE * len(lines) + 0.08) / height, "\n".join(lines),
                fontsize=9, va="top", linespacing=1.3)  # fmt: skip
    return figure


def _draw_plane(ax: Axes, plane: Plane, extent: float) -> None:
    side = np.linspace(-extent, extent, plane.probability.shape[0])
    levels = [-0.01, 1 - _CONFIDENT, 0.5, _CONFIDENT, 1.01]
    ax.contourf(side, side, plane.probability, levels, cmap=_TINTS, zorder=0)
    if np.min(plane.probability) < 0.5 < np.max(plane.probability):
        ax.contour(side, side, plane.probability, [0.5], colors="black", linewidths=1.6, zorder=3)
    ax.scatter(plane.x[:, 0], plane.x[:, 1], s=3, c="#666666", linewidths=0, zorder=1)
    if plane.x_adv is not None:
        segments = np.stack([plane.x, plane.x_adv], axis=1)
        ax.add_collection(
            LineCollection(list(segments), colors="#444444", linewidths=0.6, zorder=2)
        )
        ax.scatter(plane.x_adv[:, 0], plane.x_adv[:, 1], s=7, c="#444444", linewidths=0, zorder=2)
