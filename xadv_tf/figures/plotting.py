"""One call from a method and images to the picture of what it does to them."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from xadv_tf.figures.masks import Additive, Multiplicative, Unperturbed, draw_perturbations


def plot(method: Any, images: Any, labels: Any = None, **kwargs: Any) -> Figure:
    """Draws what a method does to images; in a notebook the figure shows itself.

    Args:
        method: of `xadv_tf.methods`, built.
        images: as its classifier sees them, [images, height, width, 1 or 3].
        labels: their classes, [images]; where None those that the method predicts.
        **kwargs: of the method's `perturb`, such as the `index` of a mask that is a table.

    Returns:
        The figure of `draw_perturbations`.

    Raises:
        ValueError: for no image, for images of another shape, and for values that are not finite.
    """
    images = np.asarray(images, np.float32)
    _refuse_other_than_images(images)
    before = _probabilities(method, images)
    told = {"subject": "images"}
    if labels is None:
        labels = np.argmax(before, axis=-1)
        told["heading"] = "predicted class"
    parts = getattr(method, "parts", [method])
    name = "+".join(type(part).__name__ for part in parts)
    if not hasattr(method, "perturb"):
        return draw_perturbations(images, list(labels), Unperturbed(name, before), **told)
    if "label" in inspect.signature(method.perturb).parameters:
        kwargs.setdefault("label", np.asarray(labels))
    seen: dict[str, Any] = {
        key: np.asarray(value) for key, value in method.perturb(images, **kwargs).items()
    }
    after = _probabilities(method, seen["x_adv"])
    if "perturbation" in seen:
        additive = Additive(name, before, after, **seen)
        return draw_perturbations(images, list(labels), additive, **told)
    trained = any(hasattr(part, "mask") for part in parts)
    result = Multiplicative(name, before, after, **seen, trained=trained, fill=_fill(parts))
    return draw_perturbations(images, list(labels), result, **told)


def _fill(parts: Sequence[Any]) -> str:
    fill = next(part.fill for part in parts if hasattr(part, "fill"))
    if isinstance(fill, str):
        return f"that of the {fill} image"
    return f"{float(fill):g}" if np.ndim(fill) == 0 else "that of a fixed image"


def _probabilities(method: Any, images: Any) -> Any:
    logits = np.asarray(method(images), np.float64)
    scaled = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return scaled / np.sum(scaled, axis=-1, keepdims=True)


def _refuse_other_than_images(images: Any) -> None:
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(
            "images must be one or more, [images, height, width, 1 or 3]. "
            f"Received: images of shape {images.shape}"
        )
    if not np.all(np.isfinite(images)):
        raise ValueError(
            "images must be finite. "
            f"Received: images with {np.sum(~np.isfinite(images))} values that are not"
        )
