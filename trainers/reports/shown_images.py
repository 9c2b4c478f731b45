"""A few training images and what a method makes of them: what pictures show."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.run.split_data import Data
from xadv_tf import figures, methods
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.multiplicative import MultiplicativeMethod


@dataclasses.dataclass(frozen=True)
class Examples:
    """Training images, for only they have a transductive mask.

    Attributes:
        image: scaled, float32 [examples, height, width, channels].
        label: their classes, int [examples].
        index: their places in the pool, int [examples].
    """

    image: tf.Tensor
    label: np.ndarray
    index: np.ndarray


def one_of_each_class(data: Data, *, at_most: int = 10) -> Examples:
    """The first image of each class in the pool, the same for every method on the same split."""
    classes = data.dataset.train_labels[data.split.pool]
    label, index = np.unique(classes, return_index=True)
    known = label >= 0
    label, index = label[known][:at_most], index[known][:at_most]
    return Examples(data.pool.images_at(index), label, index)


def perturbed(method: methods.Method, label: str, examples: Examples) -> figures.Result:
    """What a trained method does to the examples, in inference mode.

    Args:
        method: any.
        label: what pictures call it.
        examples: images of its pool.
    """
    image = examples.image
    part = perturbing(method)
    if isinstance(part, MultiplicativeMethod):
        shown = part.perturb(image, index=examples.index)
        return figures.Multiplicative(
            label=label,
            log_alpha=shown["log_alpha"].numpy(),
            mask=shown["mask"].numpy(),
            trained=not isinstance(part, methods.RandomMask),
            **_predictions(method, image, shown["x_adv"]),
        )
    if part is not None:
        given = (image, examples.label) if isinstance(part, methods.AT) else (image,)
        shown = part.perturb(*given)
        return figures.Additive(
            label=label,
            perturbation=shown["perturbation"].numpy(),
            **_predictions(method, image, shown["x_adv"]),
        )
    return figures.Unperturbed(label=label, before=_probabilities(method, image))


def perturbing(method: methods.Method) -> Any:
    """The method or its part that perturbs images, by masks rather than by adding; or None."""
    for kind in (MultiplicativeMethod, methods.VAT, methods.AT):
        part = find_part(method, kind)
        if part is not None:
            return part
    return None


def _predictions(method: methods.Method, x: tf.Tensor, x_adv: tf.Tensor) -> dict[str, Any]:
    before, after = (_probabilities(method, images) for images in (x, x_adv))
    return {"before": before, "after": after, "x_adv": x_adv.numpy()}


def _probabilities(method: methods.Method, image: tf.Tensor) -> np.ndarray:
    logits = method(image, training=False)
    probabilities: np.ndarray = tf.nn.softmax(tf.cast(logits, tf.float32)).numpy()
    return probabilities
