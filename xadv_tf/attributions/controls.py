"""Attributions that know nothing of the classifier: what one that explains must beat."""

from typing import Any

import tensorflow as tf

from xadv_tf import masks
from xadv_tf import noise as noise_lib


def random(image: Any, *, seed: int = 0) -> tf.Tensor:
    """Uniform on [0, 1), a number for each pixel, float32 [batch, height, width].

    Args:
        image: [batch, height, width, channels], of which only the shape is looked at.
        seed: of the numbers.
    """
    return noise_lib.uniform(
        tf.shape(image)[:-1], noise_lib.seed_pair(seed, "random attribution", 0, 0)
    )


def blurred_random(image: Any, *, seed: int = 0) -> tf.Tensor:
    """`random` blurred, so that neighbours go together, as they do in smooth attributions."""
    sides = tf.ensure_shape(random(image, seed=seed), [None, *image.shape[1:3]])
    return masks.blur(sides[..., tf.newaxis])[..., 0]


def distance(image: Any, switched_off: Any) -> tf.Tensor:
    """By how much switching off changes a pixel: what is drawn goes first, whatever the class.

    Args:
        image: [batch, height, width, channels].
        switched_off: what its pixels become, same shape.

    Returns:
        Largest |difference| over the channels, >= 0, float32 [batch, height, width].
    """
    return tf.reduce_max(tf.abs(tf.cast(image - switched_off, tf.float32)), axis=-1)
