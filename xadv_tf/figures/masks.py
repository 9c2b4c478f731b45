"""One picture of what methods do to images: x, log_alpha, z, x * z, beside r and x + r."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xadv_tf.figures.scales import round_up

Array = npt.NDArray[Any]

# Inches. The wider gap leaves room for the predictions under a row.
_CELL, _GAP, _GAP_UNDER_TEXT = 1.05, 0.08, 0.5
_LEFT, _RIGHT, _TOP = 2.5, 0.85, 0.95
_MARGIN, _LINE = 0.15, 0.2
_CHANGED = "#c00000"
# Perturbed images leave the range of the clean ones: it is shown this much wider on both sides.
_WIDER = 0.2


@dataclass(frozen=True)
class Multiplicative:
    """What a method with a mask did to the images.

    Attributes:
        label: the method's name.
        before, after: the method's own predictions for clean and for masked images: probabilities
            [images, classes].
        x_adv: masked images, [images, height, width, channels].
        log_alpha, mask: [images, height', width', channels'].
    """

    label: str
    before: Array
    after: Array
    x_adv: Array
    log_alpha: Array
    mask: Array


@dataclass(frozen=True)
class Additive:
    """What a method with an additive perturbation did to the same images.

    Attributes:
        label: the method's name.
        before, after: the method's own predictions for clean and for perturbed images:
            probabilities [images, classes].
        x_adv: perturbed images x + r, [images, height, width, channels].
        perturbation: r, shape of x_adv.
    """

    label: str
    before: Array
    after: Array
    x_adv: Array
    perturbation: Array


@dataclass(frozen=True)
class _Row:
    symbol: str
    meaning: str
    values: Array
    scale: dict[str, Any]
    predictions: Multiplicative | Additive | None = None


def draw_perturbations(
    x: Array, labels: Sequence[Any], masked: Multiplicative, additive: Additive | None = None
) -> Figure:
    """Draws a column for each image and a row for each quantity, with the row's colour scale.

    A row's images share their scale, and so do all rows of images; the scales of log_alpha and r
    are symmetric about 0 and end in a round number, so that pictures of several runs compare.

    Args:
        x: images as the classifiers see them, [images, height, width, 1 or 3].
        labels: their classes, [images].
        masked: what the mask does to them.
        additive: what an additive perturbation does to the same images, if that is to be shown.

    Raises:
        ValueError: if the arrays are not all about the same number of images.
    """
    _check_sizes(len(x), masked, additive)
    rows = _rows(x, masked, additive)
    gaps = [0.0, *(_GAP_UNDER_TEXT if row.predictions else _GAP for row in rows[:-1])]
    width = _LEFT + len(x) * (_CELL + _GAP) + _RIGHT
    caption = textwrap.wrap(_caption(masked, additive), round(width * 12.5))
    below = _GAP_UNDER_TEXT + len(caption) * _LINE + _MARGIN
    height = _TOP + len(rows) * _CELL + sum(gaps) + below
    figure = Figure(figsize=(width, height), facecolor="white")

    def place(left: float, bottom: float, box_width: float, box_height: float) -> Axes:
        box = (left / width, bottom / height, box_width / width, box_height / height)
        return figure.add_axes(box, xticks=[], yticks=[])

    bottom = height - _TOP
    for row, gap in zip(rows, gaps, strict=True):
        bottom -= gap + _CELL
        axes = [place(_LEFT + i * (_CELL + _GAP), bottom, _CELL, _CELL) for i in range(len(x))]
        _draw_row(axes, row)
        if row is rows[0]:
            for ax, label in zip(axes, labels, strict=True):
                ax.set_title(str(label), fontsize=12)
        # Shorter than the row, or its last numbers would touch those of the rows around it.
        bar = place(width - _RIGHT + 0.06, bottom + 0.1 * _CELL, 0.12, 0.8 * _CELL)
        _draw_scale(axes[0], bar, row)

    def write(text: str, left: float, y: float, **style: Any) -> None:
        figure.text(left / width, y / height, text, **{"va": "top", **style})

    both = masked.label if additive is None else f"{masked.label} and {additive.label}"
    write(f"What {both} do{'' if additive else 'es'} to training images", _MARGIN, height - 0.15,
          fontsize=15, fontweight="bold")  # fmt: skip
    write("true class", _LEFT - _MARGIN, height - _TOP + 0.09, ha="right", va="bottom", fontsize=10)
    write("\n".join(caption), _MARGIN, below - _GAP_UNDER_TEXT, fontsize=10, linespacing=1.4)
    return figure


def _rows(x: Array, masked: Multiplicative, additive: Additive | None) -> list[_Row]:
    wider = _WIDER * (float(np.ptp(x)) or 1.0)
    image = {"cmap": "gray", "vmin": float(x.min()) - wider, "vmax": float(x.max()) + wider}
    kept = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}
    rows = [
        _Row("x", "image", x, image),
        _Row(r"log $\alpha$", f"{masked.label}'s gates:\nred opens, blue closes",
             _one_channel(masked.log_alpha), _diverging(masked.log_alpha, "RdBu_r")),
        _Row("z", "mask: white keeps a pixel,\nblack removes it", _one_channel(masked.mask), kept),
        _Row(r"x $\odot$ z", f"image that {masked.label} must\nclassify as it does x",
             masked.x_adv, image, masked),
    ]  # fmt: skip
    if additive is not None:
        rows += [
            _Row("r", f"perturbation that\n{additive.label} adds",
                 _one_channel(additive.perturbation), _diverging(additive.perturbation, "PuOr_r")),
            _Row("x + r", f"image that {additive.label} must\nclassify as it does x",
                 additive.x_adv, image, additive),
        ]  # fmt: skip
    return rows


def _caption(masked: Multiplicative, additive: Additive | None) -> str:
    text = (
        f"{masked.label} multiplies the image by a mask z, made from log α, that is trained to "
        "change the prediction while removing few pixels; where z is 0, the pixel becomes 0. Shown "
        "without the noise that z has in training. "
    )
    if additive is not None:
        text += (
            f"{additive.label} adds a perturbation r of fixed length instead, in the direction "
            "that changes its prediction the most. "
        )
    return text + (
        "Under each perturbed image: the method's own prediction with its probability, for the "
        "clean and then for the perturbed image, in red where the predicted class changes. "
        "Predictions are those of the trained classifier in use, which normalizes by clean images; "
        "in training, perturbed images are normalized by their own batch."
    )


def _draw_row(axes: Sequence[Axes], row: _Row) -> None:
    for ax, values in zip(axes, row.values, strict=True):
        if values.shape[-1] == 3:
            low, high = row.scale["vmin"], row.scale["vmax"]
            ax.imshow(np.clip((values - low) / (high - low), 0.0, 1.0))
        else:
            ax.imshow(values[..., 0], interpolation="nearest", **row.scale)
    corner: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "ha": "right",
    }
    axes[0].annotate(row.symbol, (0, 0.62), (-11, 0), fontsize=17, va="center", **corner)
    axes[0].annotate(row.meaning, (0, 0.42), (-11, 0), fontsize=10, va="top", **corner)
    if row.predictions is None:
        return
    before, after = row.predictions.before, row.predictions.after
    for ax, p, q in zip(axes, before, after, strict=True):
        changed = np.argmax(p) != np.argmax(q)
        ax.set_xlabel(f"{_top(p)}\n→ {_top(q)}", fontsize=10, labelpad=4,
                      color=_CHANGED if changed else "black")  # fmt: skip


def _draw_scale(shown: Axes, bar: Axes, row: _Row) -> None:
    if row.values.shape[-1] == 3:
        bar.set_axis_off()
        return
    colors = shown.figure.colorbar(shown.images[0], cax=bar)
    low, high = row.scale["vmin"], row.scale["vmax"]
    middle = (low + high) / 2
    colors.set_ticks([low, middle if abs(middle) > 1e-3 * (high - low) else 0.0, high])
    bar.set_yticklabels([f"{tick:.3g}".replace("-", "−") for tick in colors.get_ticks()])
    bar.tick_params(labelsize=10)


def _top(probabilities: Array) -> str:
    """The likeliest class and its probability."""
    return f"{np.argmax(probabilities)} ({100 * np.max(probabilities):.0f}%)"


def _one_channel(values: Array) -> Array:
    return np.asarray(np.mean(values, axis=-1, keepdims=True))


def _diverging(values: Array, colors: str) -> dict[str, Any]:
    """A scale symmetric about 0 that ends in 1, 2 or 5 times a power of ten."""
    limit = round_up(float(np.quantile(np.abs(_one_channel(values)), 0.995)))
    return {"cmap": colors, "vmin": -limit, "vmax": limit}


def _check_sizes(num_images: int, *results: Multiplicative | Additive | None) -> None:
    for result in results:
        for field in fields(result) if result is not None else ():
            value = getattr(result, field.name)
            if field.name != "label" and len(value) != num_images:
                raise ValueError(
                    f"{field.name} must have an entry for each of the {num_images} images. "
                    f"Received: {len(value)}"
                )
