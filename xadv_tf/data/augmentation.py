"""Random crops and flips: whole batches, on the device, and inside the compiled step.

A pair of integers (`xadv_tf.noise.seed_pair`) decides everything. Two views of an image that must
be mirrored alike but cropped differently take one pair for the flip and two for the crops.
"""

from typing import Any

import tensorflow as tf


def random_crop(image: Any, seed: Any, *, offsets: tuple[int, int] = (-2, 2)) -> tf.Tensor:
    """Pads by reflection (the edge itself is not repeated) and crops back to size at random.

    Args:
        image: [batch, height, width, channels], any dtype.
        seed: uint32 [2], from `noise.seed_pair`.
        offsets: least and greatest shift of the window in pixels, both inclusive; every image has
            its own pair of shifts. (-2, 2) is Laine & Aila 2017; xVAT and the Chainer VAT draw
            from (-2, 1) only.

    Returns:
        Same shape and dtype as image.

    Raises:
        ValueError: offsets are not in order, or do not fit the image.
    """
    batch, height, width = tf.shape(image)[0], image.shape[1], image.shape[2]
    low, high = offsets
    if not low <= high or max(-low, high) >= min(height, width):
        raise ValueError(
            "offsets must be in order and smaller than the image "
            f"({height} x {width}). Received: offsets={offsets}"
        )
    shift = _integers([2, batch], seed, low, high + 1)
    # The reflected source of every row and column: the padded image itself is never built.
    rows = tf.gather(image, _reflected(shift[0], height), axis=1, batch_dims=1)
    return tf.gather(rows, _reflected(shift[1], width), axis=2, batch_dims=1)


def random_flip(image: Any, seed: Any) -> tf.Tensor:
    """Mirrors each image left to right with probability one half.

    Args:
        image: [batch, height, width, channels], any dtype.
        seed: uint32 [2], from `noise.seed_pair`.

    Returns:
        Same shape and dtype as image.
    """
    flip = _integers([tf.shape(image)[0], 1, 1, 1], seed, 0, 2)
    return tf.where(flip == 1, tf.reverse(image, [2]), image)


def _integers(shape: Any, seed: Any, low: int, high: int) -> tf.Tensor:
    """Uniform int32 in [low, high)."""
    # Integers, because XLA makes floats from other bits of the same words than TensorFlow does.
    return tf.random.stateless_uniform(
        shape, tf.bitcast(seed, tf.int32), minval=low, maxval=high, dtype=tf.int32, alg="philox"
    )


def _reflected(shift: tf.Tensor, size: int) -> tf.Tensor:
    """[batch] shifts -> [batch, size] source positions in [0, size)."""
    position = tf.abs(shift[:, None] + tf.range(size))
    return (size - 1) - tf.abs((size - 1) - position)
