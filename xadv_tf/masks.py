"""Pure functions of masks: their roughness and their resolution."""

from typing import Any

import tensorflow as tf


def roughness(values: tf.Tensor) -> tf.Tensor:
    """Sum of mean |v - v'| over the vertical, horizontal and two diagonal pairs of neighbours.

    The smoothness term S of the released xVAT code, which applies it to sigmoid(z - beta log(-gamma
    / zeta)) of a mask z.

    Args:
        values: [batch, height, width, channels]; other ranks have no neighbours.

    Returns:
        Roughness per example, >= 0, float32 [batch]; 0 for inputs that are not images.
    """
    if len(values.shape) != 4:
        return tf.zeros(tf.shape(values)[:1])
    rows, columns = values.shape[1] - 1, values.shape[2] - 1

    # The gradient of tf.slice is a padding, several times as fast as that of values[:, 1:].
    def window(top: int, left: int, height: int, width: int) -> tf.Tensor:
        return tf.slice(values, [0, top, left, 0], [-1, height, width, -1])

    pairs = (
        (window(1, 0, rows, columns + 1), window(0, 0, rows, columns + 1)),
        (window(0, 1, rows + 1, columns), window(0, 0, rows + 1, columns)),
        (window(1, 1, rows, columns), window(0, 0, rows, columns)),
        (window(1, 0, rows, columns), window(0, 1, rows, columns)),
    )
    return tf.add_n([tf.reduce_mean(tf.abs(a - b), axis=[1, 2, 3]) for a, b in pairs])


def expand(mask: tf.Tensor, image_shape: Any) -> tf.Tensor:
    """Repeats each gate over its square of pixels.

    Args:
        mask: [batch, height', width', channels'].
        image_shape: static shape [batch, height, width, channels] to cover; height' and width'
            divide height and width, rounding up.

    Returns:
        [batch, height, width, channels']; `mask` itself where it has that resolution, or where the
        inputs are no images.
    """
    if len(image_shape) != 4 or tuple(mask.shape[1:3]) == tuple(image_shape[1:3]):
        return mask
    height, width = image_shape[1:3]
    for axis, size in ((1, height), (2, width)):
        mask = tf.repeat(mask, -(-size // mask.shape[axis]), axis=axis)
    return mask[:, :height, :width]
