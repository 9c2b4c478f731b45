"""The explanations that there are of a run: masks, what the field has, and controls."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.run import assembly
from trainers.run.split_data import Data
from trainers.settings.experiment import Experiment
from xadv_tf import attributions, masks
from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import Method
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.multiplicative import DIVERGENCES
from xadv_tf.methods.trained_mask import TrainedMaskMethod

INDUCTIVE = "mask (inductive)"
UNTRAINED = "mask (not trained)"
TRANSDUCTIVE = "mask (transductive)"
RANDOM = "random"
CONTROLS = (RANDOM, "blurred random", "image alone")
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A way of giving the pixels of an image numbers.

    Attributes:
        name: in tables.
        attribute: (images, their classes, the images switched off) -> [images, height, width],
            large where the classifier is said to depend on the pixel.
        relative: whether it looks at the images switched off, and so differs with them.
        is_mask: whether it is made of a mask; on validation it is asked which sign serves it.
        drawn: whether it draws a number for each image, and so takes all of them in one call.
    """

    name: str
    attribute: Callable[[Any, Any, Any], Any]
    relative: bool = False
    is_mask: bool = False
    drawn: bool = False

    @functools.cached_property
    def compiled(self) -> Any:
        """`attribute` as one graph, traced once for each shape."""
        return tf.function(self.attribute)


def of_run(
    experiment: Experiment, data: Data, method: Method
) -> tuple[list[Explanation], list[str]]:
    """The explanations that a run has, and sentences on those that it cannot have.

    Args:
        experiment: the run's.
        data: its data.
        method: trained.
    """

    def predict(image: Any) -> Any:
        return method.evaluated(image, training=False)

    found, missing = _masks(experiment, data, method, predict)
    found += [
        Explanation("gradient", lambda x, k, off: attributions.gradient(predict, x, k)),
        Explanation(
            "integrated gradients",
            lambda x, k, off: attributions.integrated_gradients(predict, x, k, baseline=off),
            relative=True,
        ),
        Explanation(
            "SmoothGrad", lambda x, k, off: attributions.smooth_grad(predict, x, k, seed=_SEED)
        ),
    ]
    features = attributions.with_features(method.evaluated)
    if features is None:
        missing.append(f"No Grad-CAM: --model={experiment.model} shows no convolution.")
    else:
        found.append(Explanation("Grad-CAM", lambda x, k, off: _grad_cam(features, x, k)))
    found.append(
        Explanation(
            "RISE",
            lambda x, k, off: attributions.rise(predict, x, k, switched_off=off, seed=_SEED),
            relative=True,
        )
    )
    return found + controls(), missing


def controls() -> list[Explanation]:
    """Attributions that know nothing of the classifier."""
    return [
        Explanation(RANDOM, lambda x, k, off: attributions.random(x, seed=_SEED), drawn=True),
        Explanation(
            "blurred random",
            lambda x, k, off: attributions.blurred_random(x, seed=_SEED),
            drawn=True,
        ),
        Explanation("image alone", lambda x, k, off: attributions.distance(x, off), relative=True),
    ]


def compute(
    explanation: Explanation, image: np.ndarray, label: np.ndarray, off: np.ndarray, *, chunk: int
) -> np.ndarray:
    """The attributions of all images, float32 [images, height, width].

    Args:
        explanation: which.
        image: scaled, [images, height, width, channels].
        label: the classes to explain, int32 [images].
        off: the images switched off.
        chunk: images at a time.
    """
    if explanation.drawn:
        return np.asarray(explanation.attribute(image, label, off))
    parts = []
    for start in range(0, len(image), chunk):
        these = slice(start, start + chunk)
        parts.append(
            explanation.compiled(*(tf.constant(part[these]) for part in (image, label, off)))
        )
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def _grad_cam(features: Any, image: Any, label: Any) -> Any:
    return attributions.grad_cam(lambda x: features(x, training=False), image, label)


def _masks(
    experiment: Experiment, data: Data, method: Method, predict: Any
) -> tuple[list[Explanation], list[str]]:
    """A mask removes what the prediction needs: importance is minus its log_alpha."""
    masking = find_part(method, TrainedMaskMethod)
    found: list[Explanation] = []
    missing: list[str] = []
    if masking is not None and isinstance(masking.mask, PerturbationGenerator):
        fresh = find_part(_as_before_training(experiment, data), TrainedMaskMethod)
        for name, part in ((INDUCTIVE, masking), (UNTRAINED, fresh)):
            found.append(Explanation(name, _of_generator(part), is_mask=True))
    else:
        missing.append(f"No inductive mask: the run is one of {experiment.label}.")
    found.append(
        Explanation(TRANSDUCTIVE, _of_image(masking, method, predict), relative=True, is_mask=True)
    )
    return found, missing


def _of_generator(part: Any) -> Callable[[Any, Any, Any], Any]:
    def attribute(image: Any, label: Any, off: Any) -> Any:
        return -tf.reduce_mean(masks.expand(part.log_alpha(image), image.shape), axis=-1)

    return attribute


def _of_image(masking: Any, method: Method, predict: Any) -> Callable[[Any, Any, Any], Any]:
    """By the objective of the run's own mask where it trains one, by xVAT's defaults otherwise."""
    settings: dict[str, Any] = {"divergence": DIVERGENCES["kl"]}
    if masking is not None:
        gates = method.evaluated.input_shape[1] * method.evaluated.input_shape[2]
        weight, l0 = (
            _now(masking.loss_weights[term], method.step) for term in ("divergence", "l0")
        )
        settings = {
            "divergence": DIVERGENCES[masking.divergence],
            "adversarial_weight": weight,
            "sparsity": l0 * (gates if masking.l0_reduction == "sum" else 1),
            **{name: getattr(masking.gate, name) for name in ("beta", "gamma", "zeta")},
        }

    def attribute(image: Any, label: Any, off: Any) -> Any:
        return -attributions.trained_log_alpha(
            predict, image, switched_off=off, seed=_SEED, **settings
        )

    return attribute


def _now(weight: Any, step: Any) -> float:
    return float(weight(step) if callable(weight) else weight)


def _as_before_training(experiment: Experiment, data: Data) -> Method:
    """The run's method with the weights that it started with."""
    classifier = assembly.build_classifier(experiment, data.dataset)
    return assembly.build_method(experiment, classifier, pool_size=len(data.split.pool))
