"""Attributions by the gradient of the class's logit: plain, integrated, and averaged over noise."""

from typing import Any

import tensorflow as tf

from xadv_tf import noise as noise_lib
from xadv_tf.attributions.scores import Predict, gradient_of_logit


def gradient(predict: Predict, image: Any, label: Any) -> tf.Tensor:
    """Largest |gradient| over a pixel's channels (Simonyan, Vedaldi & Zisserman 2014, section 3.1).

    Args:
        predict: images -> logits.
        image: float32 [batch, height, width, channels].
        label: the class to explain, integer [batch].

    Returns:
        >= 0, float32 [batch, height, width].
    """
    return _largest(gradient_of_logit(predict, image, label))


def integrated_gradients(
    predict: Predict, image: Any, label: Any, *, baseline: Any, num_steps: int = 32
) -> tf.Tensor:
    """(x - x') times the mean gradient on the way from x' to x (Sundararajan et al. 2017, eq. 1).

    Summed over an image it is the logit at x less that at x', up to the error of the midpoint rule.

    Args:
        predict: images -> logits.
        image: x, float32 [batch, height, width, channels].
        label: the class to explain, integer [batch].
        baseline: x', the image without what is to be explained; shape of `image`, or one image.
        num_steps: points on the way.

    Returns:
        Sum over channels, of either sign, float32 [batch, height, width].
    """
    difference = image - baseline
    shares = (tf.range(num_steps, dtype=tf.float32) + 0.5) / num_steps
    total = tf.foldl(
        lambda total, share: (
            total + gradient_of_logit(predict, baseline + share * difference, label)
        ),
        shares,
        tf.zeros_like(image),
    )
    return tf.reduce_sum(difference * total / num_steps, axis=-1)


def smooth_grad(
    predict: Predict,
    image: Any,
    label: Any,
    *,
    seed: int = 0,
    noise_level: float = 0.15,
    num_samples: int = 32,
) -> tf.Tensor:
    """`gradient` of the mean gradient under Gaussian noise (SmoothGrad, Smilkov et al. 2017).

    Args:
        predict: images -> logits.
        image: float32 [batch, height, width, channels].
        label: the class to explain, integer [batch].
        seed: of the noise.
        noise_level: the noise's deviation, as a share of each image's range.
        num_samples: draws of the noise.

    Returns:
        >= 0, float32 [batch, height, width].
    """
    axes = list(range(1, len(image.shape)))
    spread = tf.reduce_max(image, axis=axes, keepdims=True)
    spread -= tf.reduce_min(image, axis=axes, keepdims=True)

    def add(total: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        pair = noise_lib.seed_pair(seed, "smooth_grad", draw, 0)
        noisy = image + noise_level * spread * noise_lib.normal(tf.shape(image), pair)
        return total + gradient_of_logit(predict, noisy, label)

    return _largest(tf.foldl(add, tf.range(num_samples), tf.zeros_like(image)) / num_samples)


def _largest(gradients: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.abs(gradients), axis=-1)
