"""Short trainings on points of a plane, in seconds: what figures 3, moons and circles are made of.

Network, optimizer and steps are those of the released demonstration: two hidden layers of 100,
plain SGD with momentum on all points at once, 1,000 steps.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xadv_tf import methods, models, optimizers
from xadv_tf.data.points import NUM_CLASSES, Points
from xadv_tf.layers import PerturbationTable

TRAIN_STEPS = 1000
VAT_EPSILON = 0.5
_HIDDEN = (100, 100)
_DECAY = 0.995
_MOMENTUM = 0.9
LEARNING_RATE = 0.1
MASK_LEARNING_RATE = 1e-2

LABELS = {"mle": "MLE", "vat": "VAT", "random_mask": "RandomMask", "xvat": "xVAT-T"}


def train(
    points: Points,
    name: str,
    *,
    seed: int,
    train_steps: int = TRAIN_STEPS,
    output_scale: float = 1.0,
    at_steps: Sequence[int] = (),
    look: Callable[[int, methods.Method], None] = lambda step, method: None,
) -> methods.Method:
    """Trains a method on the points; the unlabeled ones are those that it is tested on.

    Args:
        points: whose `unlabeled` have a row each in xVAT-T's table.
        name: a key of `LABELS`.
        seed: of weights and noise.
        train_steps: to take.
        output_scale: of methods with masks: epsilon of x_adv = epsilon (x * z).
        at_steps: rising; after each of these steps `look` is called, before the first for 0.
        look: (finished steps, method).
    """
    keras.utils.set_random_seed(seed)
    method = build(points, name, seed, output_scale)
    batch = {
        "labeled": {
            "image": tf.constant(points.labeled),
            "label": tf.constant(points.labels),
            "index": tf.range(len(points.labels)),
        },
        "unlabeled": {
            "image": tf.constant(points.unlabeled),
            "index": tf.range(len(points.unlabeled)),
        },
    }
    method.initialize(iter([batch]))

    # Many steps in one call: a step is over before the host has asked for it.
    @tf.function(autograph=False)
    def run(num_steps: tf.Tensor) -> Any:
        def body(i: tf.Tensor) -> tuple[tf.Tensor]:
            method.train_step(batch)
            return (i + 1,)

        return tf.while_loop(lambda i: i < num_steps, body, (tf.constant(0),))

    done = 0
    for step in sorted({*at_steps, train_steps}):
        if step > done:
            run(tf.constant(step - done))
            done = step
        if step in at_steps:
            look(step, method)
    return method


def accuracy(method: methods.Method, points: Points) -> float:
    """Share of the unlabeled points that are predicted right."""
    predicted = np.argmax(method(points.unlabeled, training=False), axis=-1)
    return float(np.mean(predicted == points.unlabeled_labels))


def perturbed(method: methods.Method, points: Points, index: Any, *, seed: int) -> Any:
    """What the method makes of some unlabeled points, [points, dimensions]; None if nothing.

    Masks are drawn, as in training: of an untrained table's gates the deterministic mask would
    hardly touch a point.

    Args:
        method: trained.
        points: what it was trained on.
        index: of the points, [points].
        seed: of the draws.
    """
    x = points.unlabeled[index]
    if isinstance(method, methods.VAT):
        return method.perturb(x, seed=seed)["x_adv"].numpy()
    if isinstance(method, methods.XVAT | methods.RandomMask):
        noise = np.random.default_rng(seed).uniform(size=x.shape).astype(np.float32)
        return method.perturb(x, index=index, noise=noise)["x_adv"].numpy()
    return None


def build(points: Points, name: str, seed: int, output_scale: float = 1.0) -> methods.Method:
    """The method as it is before its training; arguments are those of `train`."""
    shape = (points.dimensions,)
    classifier = models.mlp(
        shape,
        NUM_CLASSES,
        hidden_units=_HIDDEN,
        batch_norm=False,
        kernel_initializer="he_uniform",
        seed=seed,
    )
    rate = keras.optimizers.schedules.ExponentialDecay(LEARNING_RATE, 1, _DECAY)
    with_optimizers = {"optimizer": keras.optimizers.SGD(rate, momentum=_MOMENTUM)}
    method: methods.Method
    if name == "vat":
        method = methods.VAT(classifier, epsilon=VAT_EPSILON, seed=seed)
    elif name == "random_mask":
        method = methods.RandomMask(
            classifier, divergence="reverse_kl", output_scale=output_scale, seed=seed
        )
    elif name == "xvat":
        method = methods.XVAT(
            classifier,
            mask=PerturbationTable(len(points.unlabeled), shape, seed=seed),
            divergence="reverse_kl",
            l0_reduction="mean",
            sparsity=1.0,
            output_scale=output_scale,
            seed=seed,
        )
        with_optimizers["mask_optimizer"] = optimizers.RowAdam(MASK_LEARNING_RATE)
    else:
        method = methods.MLE(classifier, seed=seed)
    method.compile(**with_optimizers)
    return method
