"""What epsilon does: a sphere around x, and a box between 0 and x (Yang & Ji 2020, figure 3)."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from xadv_tf.figures.series import series

Array = npt.NDArray[Any]

# Inches.
_PANEL, _GAP, _LEFT, _TOP, _BOTTOM, _LINE = 3.3, 0.75, 0.6, 0.75, 0.85, 0.2


@dataclass(frozen=True)
class Perturbed:
    """What became of one point of a plane, time and again, for one epsilon.

    Attributes:
        epsilon: of the perturbation.
        x_adv: what x was perturbed to, [draws, 2].
    """

    epsilon: float
    x_adv: Array


@dataclass(frozen=True)
class Lengths:
    """Lengths of perturbations of many examples over epsilon.

    Attributes:
        label: of the kind of perturbation.
        epsilon: rising, [values].
        lengths: ||x_adv - x||, [values, examples].
    """

    label: str
    epsilon: Array
    lengths: Array


def draw_geometry(
    x: Array,
    additive: Sequence[Perturbed],
    multiplicative: Sequence[Perturbed],
    lengths: Sequence[Lengths],
    *,
    title: str,
    caption: str = "",
) -> Figure:
    """Draws where a point can get to by adding, by multiplying, and how far many points get.

    Left: x + r, and the circle ||r|| = epsilon of each epsilon. Middle: epsilon (x * z), and the
    box from 0 to epsilon x. Right: the lengths, their median and from the 5th to the 95th of 100.

    Args:
        x: the point, [2].
        additive: one for each epsilon.
        multiplicative: likewise.
        lengths: one for each kind.
        title: of the whole.
        caption: below, or nothing.
    """
    width = _LEFT + 3 * _PANEL + 2 * _GAP + 0.2
    lines = textwrap.wrap(caption, round((width - 0.3) * 13))
    below = _BOTTOM + _LINE * len(lines)
    height = _TOP + _PANEL + below
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = [
        figure.add_axes(
            ((_LEFT + i * (_PANEL + _GAP)) / width, below / height, _PANEL / width, _PANEL / height)
        )
        for i in range(3)
    ]
    for number, each in enumerate(additive, start=1):
        color = series(number).color
        _scatter(axes[0], each, number)
        axes[0].add_patch(Circle((x[0], x[1]), each.epsilon, fill=False, edgecolor=color))
    for number, each in enumerate(multiplicative, start=1):
        color = series(number).color
        _scatter(axes[1], each, number)
        axes[1].add_patch(Rectangle((0, 0), *(each.epsilon * x), fill=False, edgecolor=color))
    for ax, perturbed in zip(axes[:2], (additive, multiplicative), strict=True):
        ax.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        ax.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        ax.plot(*x, marker="*", color="black", markersize=13, zorder=5)
        ax.annotate("x", (x[0], x[1]), (9, 5), textcoords="offset points", fontsize=12, zorder=5)
        _frame(ax, x, perturbed)
    for number, kind in enumerate(lengths):
        _draw_lengths(axes[2], kind, number)
    axes[0].set_title("added: x + r on a sphere around x", fontsize=10)
    axes[1].set_title("multiplied: ε (x ⊙ z) in a box from 0", fontsize=10)
    axes[2].set_title("length of the perturbation", fontsize=10)
    axes[2].set_xlabel("ε", fontsize=10)
    for ax in axes:
        # Below: within, it would hide a corner of a box.
        ax.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3,
                  frameon=False, columnspacing=1.0, handletextpad=0.4)  # fmt: skip
        ax.tick_params(labelsize=8.5)
    figure.text(0.15 / width, 1 - 0.12 / height, title, fontsize=12, va="top")
    figure.text(0.15 / width, (_LINE * len(lines) + 0.05) / height, "\n".join(lines),
                fontsize=9, va="top", linespacing=1.3)  # fmt: skip
    return figure


def _scatter(ax: Axes, perturbed: Perturbed, number: int) -> None:
    look = series(number)
    ax.scatter(
        perturbed.x_adv[:, 0],
        perturbed.x_adv[:, 1],
        s=16,
        marker=look.marker,
        facecolors="none",
        edgecolors=look.color,
        linewidths=0.8,
        label=f"ε = {perturbed.epsilon:g}",
        zorder=3,
    )


def _frame(ax: Axes, x: Array, perturbed: Sequence[Perturbed]) -> None:
    """A square around all of it, the origin too."""
    points = np.concatenate([np.zeros((1, 2)), x[None], *(each.x_adv for each in perturbed)])
    low, high = points.min(axis=0), points.max(axis=0)
    half = 0.58 * float(np.max(high - low))
    middle = (low + high) / 2
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)


def _draw_lengths(ax: Axes, lengths: Lengths, number: int) -> None:
    look = series(number)
    low, median, high = np.quantile(lengths.lengths, [0.05, 0.5, 0.95], axis=1)
    ax.plot(lengths.epsilon, median, color=look.color, linestyle=look.dash, marker=look.marker,
            markersize=4, label=lengths.label)  # fmt: skip
    ax.fill_between(lengths.epsilon, low, high, color=look.color, alpha=0.2, linewidth=0)
    ax.grid(color="#dddddd", linewidth=0.6)
