"""xVAT's mask for images on which no mask was trained: the inner player alone, classifier fixed."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from xadv_tf import adam_moments, hard_concrete, masks
from xadv_tf import noise as noise_lib
from xadv_tf.attributions.scores import Predict


def trained_log_alpha(
    predict: Predict,
    image: Any,
    *,
    switched_off: Any,
    divergence: Callable[[Any, Any], tf.Tensor],
    adversarial_weight: float = 1.0,
    sparsity: float = 1.0,
    beta: float = hard_concrete.BETA,
    gamma: float = hard_concrete.GAMMA,
    zeta: float = hard_concrete.ZETA,
    learning_rate: float = 0.1,
    num_steps: int = 100,
    seed: int = 0,
) -> tf.Tensor:
    """log_alpha that ascends w D[p(x), p(x z + x' (1 - z))] + lambda L0, the classifier fixed.

    What transductive xVAT trains for each image of its pool, with the classifier's step left out
    (Yang & Ji 2020). It starts at 0, for what a random start leaves over would be noise in an
    explanation, and climbs by Adam, with a fresh mask z each step. log_alpha is low where a pixel's
    absence changes the prediction by more than keeping it is worth.

    Args:
        predict: images -> logits, p their softmax.
        image: x, float32 [batch, height, width, channels].
        switched_off: x', what a closed gate shows, shape of `image` or one number.
        divergence: D, of the logits at x and those under the mask, -> [batch].
        adversarial_weight: w.
        sparsity: lambda, the weight of the share of gates that stay open.
        beta: temperature of the gates.
        gamma: lower end of the gates' stretched interval.
        zeta: its upper end.
        learning_rate: of Adam, about the length of a step in log_alpha.
        num_steps: of Adam.
        seed: of the masks.

    Returns:
        float32 [batch, height, width].
    """
    ends = {"beta": beta, "gamma": gamma, "zeta": zeta}
    target = tf.stop_gradient(predict(image))
    shape = tf.shape(image[..., :1])
    pixels = image.shape[1] * image.shape[2]

    def ascend(state: tuple[tf.Tensor, ...], step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        log_alpha, mean, square = state
        draw = noise_lib.uniform(shape, noise_lib.seed_pair(seed, "trained_mask", step, 0))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(log_alpha)
            mask = hard_concrete.sample(log_alpha, draw, **ends)
            masked = predict(masks.removed(image, mask, switched_off))
            objective = adversarial_weight * tf.reduce_sum(divergence(target, masked))
            kept = tf.reduce_sum(hard_concrete.expected_l0(log_alpha, **ends))
            objective += sparsity * kept / pixels
        slope = tape.gradient(objective, log_alpha)
        mean, square, ahead, root = adam_moments.moved(mean, square, slope, tf.square(slope), step)
        return log_alpha + learning_rate * ahead / root, mean, square

    start = tf.zeros(shape)
    return tf.foldl(ascend, tf.range(num_steps), (start, start, start))[0][..., 0]
