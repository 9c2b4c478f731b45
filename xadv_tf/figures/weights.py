"""Histograms of weights, layer by layer, and how sparse they are (Yang & Ji 2020, figure 6)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xadv_tf import sparsity
from xadv_tf.figures.series import series

Array = npt.NDArray[Any]

BINS = 81
# Share of the weights of the widest method that a panel shows: single ones further out would press
# all others into a few bins.
_SHOWN = 0.9995
# Inches.
_PANEL, _HEIGHT, _TABLE_LINE = 3.3, 2.5, 0.21
_LEGEND, _LEGEND_LINE = 1.9, 0.24


@dataclass(frozen=True)
class Sparsity:
    """The numbers of one layer of one method.

    Attributes:
        weights: how many.
        rms: their root mean square.
        below_thousandth, below_hundredth: share with a magnitude below 0.001 and 0.01.
        below_tenth_rms: share below a tenth of the root mean square; 8.0 % of a normal law.
        hoyer, kurtosis: see `xadv_tf.sparsity`.
    """

    weights: int
    rms: float
    below_thousandth: float
    below_hundredth: float
    below_tenth_rms: float
    hoyer: float
    kurtosis: float


def measure_sparsity(weights: Array) -> Sparsity:
    """All numbers of a layer's weights, any shape."""
    rms = float(np.sqrt(np.mean(np.square(weights, dtype=np.float64))))
    return Sparsity(
        weights=int(np.size(weights)),
        rms=rms,
        below_thousandth=sparsity.share_below(weights, 1e-3),
        below_hundredth=sparsity.share_below(weights, 1e-2),
        below_tenth_rms=sparsity.share_below(weights, 0.1 * rms),
        hoyer=sparsity.hoyer(weights),
        kurtosis=sparsity.kurtosis(weights),
    )


def draw_weights(layers: Mapping[str, Mapping[str, Array]], *, title: str) -> Figure:
    """Draws a panel for each layer with a histogram of each method's weights, and their numbers.

    The methods of a layer share their bins. Shares are of all weights, of which single ones may lie
    beyond the outermost bins, and are drawn on a logarithmic scale, as a line at the bins' middles.

    Args:
        layers: {layer's name: {method's label: weights, any shape}}, the same methods in each.
        title: of the whole.

    Raises:
        ValueError: for no layer, or layers of different methods.
    """
    labels = [tuple(methods) for methods in layers.values()]
    if not labels or len(set(labels)) > 1 or not labels[0]:
        raise ValueError(
            f"layers must be one or more, each of the same methods. Received: {labels}"
        )
    numbers = 0.45 + _TABLE_LINE * len(labels[0])
    width = _PANEL * len(layers) + 0.9
    legend_columns = max(1, int((width - 0.3) / _LEGEND))
    top = 0.7 + _LEGEND_LINE * math.ceil(len(labels[0]) / legend_columns)
    height = top + _HEIGHT + 0.55 + numbers
    figure = Figure(figsize=(width, height), facecolor="white")
    for column, (name, methods) in enumerate(layers.items()):
        left = 0.75 + column * _PANEL
        box = (left / width, (numbers + 0.55) / height, (_PANEL - 0.5) / width, _HEIGHT / height)
        ax = figure.add_axes(box)
        _draw_layer(ax, methods, first=column == 0)
        ax.set_title(name, fontsize=11)
        _write_numbers(figure, methods, left=left, top=numbers - 0.25, first=column == 0)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.15 / width, 1 - 0.33 / height),
        borderaxespad=0.0,
        ncols=legend_columns,
        fontsize=10,
        handlelength=3.0,
        frameon=False,
    )
    figure.suptitle(title, x=0.15 / width, ha="left", y=1 - 0.1 / height, va="top", fontsize=12)
    return figure


def histogram(weights: Array, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of all weights that lies in each bin, [bins]; below 1 in sum if some lie in none.

    Args:
        weights: any shape.
        edges: rising, [bins + 1].
    """
    counts: npt.NDArray[np.float64] = np.histogram(np.ravel(weights), edges)[0] / weights.size
    return counts


def _draw_layer(ax: Axes, methods: Mapping[str, Array], *, first: bool) -> None:
    limit = max(float(np.quantile(np.abs(weights), _SHOWN)) for weights in methods.values()) or 1.0
    edges = np.linspace(-limit, limit, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    for number, (label, weights) in enumerate(methods.items()):
        look = series(number)
        share = 100 * histogram(weights, edges)
        share[share == 0] = np.nan  # No place on a logarithmic scale: a gap.
        ax.plot(middles, share, color=look.color, linestyle=look.dash, linewidth=1.4, label=label,
                marker=look.marker, markersize=3.5, markevery=(5 * number % 16, 16))  # fmt: skip
    ax.set_yscale("log")
    ax.set_xlabel("weight", fontsize=10)
    if first:
        ax.set_ylabel(f"% of weights in a bin of {BINS}", fontsize=10)
    ax.set_xlim(-limit, limit)
    ax.tick_params(labelsize=9)
    ax.locator_params(axis="x", nbins=5)


_COLUMNS = ((0.75, "<0.01"), (1.35, "<RMS/10"), (1.9, "Hoyer"), (2.5, "kurtosis"))


def _write_numbers(
    figure: Figure, methods: Mapping[str, Array], *, left: float, top: float, first: bool
) -> None:
    width, height = figure.get_size_inches()

    def write(text: str, x: float, line: float, **style: Any) -> None:
        y = top - line * _TABLE_LINE
        figure.text(x / width, y / height, text, fontsize=8, va="center", **style)

    for right, heading in _COLUMNS:
        write(heading, left + right, 0, ha="right", color="#444444")
    for line, (label, weights) in enumerate(methods.items(), start=1):
        measured = measure_sparsity(weights)
        if first:
            write(label, left + 0.28, line, ha="right", fontweight="bold")
        shown = (
            f"{100 * measured.below_hundredth:.1f}%",
            f"{100 * measured.below_tenth_rms:.1f}%",
            f"{measured.hoyer:.3f}",
            f"{measured.kurtosis:.2f}",
        )
        for (right, _), text in zip(_COLUMNS, shown, strict=True):
            write(text, left + right, line, ha="right")
