"""One picture of what methods do to images: x, log_alpha, z, x * z, beside r and x + r."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xadv_tf.figures import predictions, strips
from xadv_tf.figures.scales import round_up

Array = npt.NDArray[Any]

# Inches. The wider gap leaves room for the predictions under a row.
_CELL, _GAP, _GAP_UNDER_TEXT = 1.05, 0.08, 0.5
_LEFT, _RIGHT, _TOP = 2.5, 0.85, 0.95
_MARGIN, _LINE = 0.15, 0.2
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
        limit: |log_alpha| at which the colours end; None takes it from the values.
        trained: whether somebody trains the mask.
        fill: what a pixel becomes where the mask is 0, in words.
    """

    label: str
    before: Array
    after: Array
    x_adv: Array
    log_alpha: Array
    mask: Array
    limit: float | None = None
    trained: bool = True
    fill: str = "0"


@dataclass(frozen=True)
class Additive:
    """What a method with an additive perturbation did to the same images.

    Attributes:
        label: the method's name.
        before, after: the method's own predictions for clean and for perturbed images:
            probabilities [images, classes].
        x_adv: perturbed images x + r, [images, height, width, channels].
        perturbation: r, shape of x_adv.
        limit: |r| at which the colours end; None takes it from the values.
    """

    label: str
    before: Array
    after: Array
    x_adv: Array
    perturbation: Array
    limit: float | None = None


@dataclass(frozen=True)
class Unperturbed:
    """What a method that has nothing to perturb images with makes of them.

    Attributes:
        label: the method's name.
        before: its predictions for clean images: probabilities [images, classes].
    """

    label: str
    before: Array


Result = Multiplicative | Additive | Unperturbed


@dataclass(frozen=True)
class _Row:
    symbol: str
    meaning: str
    values: Array
    scale: strips.Scale
    predictions: Result | None = None


def draw_perturbations(
    x: Array,
    labels: Sequence[Any],
    *results: Result,
    class_names: Sequence[str] | None = None,
    heading: str = "true class",
    subject: str = "training images",
) -> Figure:
    """Draws a column for each image and a row for each quantity, with the row's colour scale.

    A row's images share their scale, and so do all rows of images. The scales of log_alpha and r
    are symmetric about 0. With a `limit` they end there, and pictures of equal limits (and images)
    compare colour by colour; log_alpha's then tells small values apart better than large ones, for
    it cannot know how large they will be. Without, they end in a round number above the values.

    Args:
        x: images as the classifiers see them, [images, height, width, 1 or 3]. Here and in results
            tensors will do, as they come from `perturb`.
        labels: their classes, [images].
        *results: what each method does to the same images.
        class_names: [classes], what labels and predictions are called, shortened to their images'
            width; their numbers by default.
        heading: what the labels are.
        subject: what the images are, for the title.

    Raises:
        ValueError: if the arrays are not all about the same number of images.
    """
    x, results = np.asarray(x), tuple(_of_arrays(result) for result in results)
    _check_sizes(len(x), results)
    rows = _rows(x, results)
    gaps = [0.0, *(_GAP_UNDER_TEXT if row.predictions else _GAP for row in rows[:-1])]
    strip = len(x) * (_CELL + _GAP) - _GAP
    width = _LEFT + strip + _GAP + _RIGHT
    caption = textwrap.wrap(_caption(results), round(width * 12.5))
    below = _GAP_UNDER_TEXT + len(caption) * _LINE + _MARGIN
    height = _TOP + len(rows) * _CELL + sum(gaps) + below
    figure = Figure(figsize=(width, height), facecolor="white")

    def place(left: float, bottom: float, box_width: float, box_height: float) -> Axes:
        box = (left / width, bottom / height, box_width / width, box_height / height)
        return figure.add_axes(box, xticks=[], yticks=[])

    bottom = height - _TOP
    for row, gap in zip(rows, gaps, strict=True):
        bottom -= gap + _CELL
        ax = place(_LEFT, bottom, strip, _CELL)
        _draw_row(ax, row, class_names)
        if row is rows[0]:
            strips.write(
                ax,
                [predictions.class_name(y, class_names, predictions.HEADING) for y in labels],
                below=False,
                fontsize=12,
            )
        # Shorter than the row, or its last numbers would touch those of the rows around it.
        bar = place(width - _RIGHT + 0.06, bottom + 0.1 * _CELL, 0.12, 0.8 * _CELL)
        strips.draw_scale(ax, bar, row.scale)

    def write(text: str, left: float, y: float, **style: Any) -> None:
        figure.text(left / width, y / height, text, **{"va": "top", **style})

    write(_title(results, subject), _MARGIN, height - 0.15, fontsize=15, fontweight="bold")
    write(heading, _LEFT - _MARGIN, height - _TOP + 0.09, ha="right", va="bottom", fontsize=10)
    write("\n".join(caption), _MARGIN, below - _GAP_UNDER_TEXT, fontsize=10, linespacing=1.4)
    return figure


def _of_arrays(result: Result) -> Result:
    arrays: dict[str, Any] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        if hasattr(value, "shape"):
            arrays[field.name] = np.asarray(value)
    return replace(result, **arrays)


def _rows(x: Array, results: Sequence[Result]) -> list[_Row]:
    wider = _WIDER * (float(np.ptp(x)) or 1.0)
    image = strips.linear("gray", float(x.min()) - wider, float(x.max()) + wider)
    kept = strips.linear("gray", 0.0, 1.0)
    clean = next((result for result in results if isinstance(result, Unperturbed)), None)
    rows = [_Row("x", "image", x, image, clean)]
    for result in results:
        told = f"image that {result.label} must\nclassify as it does x"
        if isinstance(result, Multiplicative):
            rows += [
                _Row(r"log $\alpha$", f"{result.label}'s gates:\nred opens, blue closes",
                     _one_channel(result.log_alpha),
                     strips.asinh("RdBu_r", result.limit) if result.limit
                     else strips.linear("RdBu_r", *_range(result.log_alpha))),
                _Row("z", "mask: white keeps a pixel,\nblack removes it",
                     _one_channel(result.mask), kept),
                _Row(r"x $\odot$ z", told, result.x_adv, image, result),
            ]  # fmt: skip
        elif isinstance(result, Additive):
            rows += [
                _Row("r", f"perturbation that\n{result.label} adds",
                     _one_channel(result.perturbation),
                     strips.linear("PuOr_r", *_range(result.perturbation, result.limit))),
                _Row("x + r", told, result.x_adv, image, result),
            ]  # fmt: skip
    return rows


def _title(results: Sequence[Result], subject: str) -> str:
    names = " and ".join(result.label for result in results)
    if all(isinstance(result, Unperturbed) for result in results):
        return f"What {names} predicts for {subject}"
    return f"What {names} {'does' if len(results) == 1 else 'do'} to {subject}"


def _caption(results: Sequence[Result]) -> str:
    text = ""
    for result in results:
        if isinstance(result, Multiplicative):
            aim = "trained to change the prediction while removing few pixels"
            text += (
                f"{result.label} multiplies the image by a mask z, made from log α, that is "
                f"{aim if result.trained else 'random'}; where z is 0, the pixel becomes "
                f"{result.fill}. Shown "
                "without the noise that z has in training. "
            )
        elif isinstance(result, Additive):
            text += (
                f"{result.label} adds a perturbation r of fixed length"
                f"{' instead' if text else ''}, in the direction that changes its prediction the "
                "most. "
            )
        else:
            text += (
                f"{result.label} perturbs nothing that could be shown. Under each image: its "
                "prediction with its probability. "
            )
    if all(isinstance(result, Unperturbed) for result in results):
        return text
    return text + (
        "Under each perturbed image: the method's own prediction with its probability, for the "
        "clean and then for the perturbed image, in red where the predicted class changes. "
        "Predictions are those of the trained classifier in use, which normalizes by clean images; "
        "in training, perturbed images are normalized by their own batch."
    )


def _draw_row(ax: Axes, row: _Row, class_names: Sequence[str] | None) -> None:
    strips.draw_images(ax, row.values, row.scale, gap=_GAP / _CELL)
    style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    ax.annotate(row.symbol, (0, 0.62), (-11, 0), fontsize=17, ha="right", va="center", **style)
    ax.annotate(row.meaning, (0, 0.42), (-11, 0), fontsize=10, ha="right", va="top", **style)
    if isinstance(row.predictions, Unperturbed):
        texts = [predictions.likeliest(p, class_names) for p in row.predictions.before]
        strips.write(ax, texts, below=True, fontsize=10)
    elif row.predictions is not None:
        before, after = row.predictions.before, row.predictions.after
        texts, colors = predictions.before_and_after(before, after, class_names)
        strips.write(ax, texts, colors, below=True, fontsize=10)


def _one_channel(values: Array) -> Array:
    return np.asarray(np.mean(values, axis=-1, keepdims=True))


def _range(values: Array, limit: float | None = None) -> tuple[float, float]:
    """Symmetric about 0, up to the limit or to a round number above the values."""
    limit = limit or round_up(float(np.quantile(np.abs(_one_channel(values)), 0.995)))
    return -limit, limit


def _check_sizes(num_images: int, results: Sequence[Result]) -> None:
    for result in results:
        for field in fields(result):
            value = getattr(result, field.name)
            if isinstance(value, np.ndarray) and len(value) != num_images:
                raise ValueError(
                    f"{field.name} must have an entry for each of the {num_images} images. "
                    f"Received: {len(value)}"
                )
