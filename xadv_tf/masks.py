"""Pure functions of masks: their roughness and their resolution."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

_SIDES_A_DEVIATION = 10.0


def roughness(values: tf.Tensor) -> tf.Tensor:
    """Sum of mean |v - v'| over the vertical, horizontal and two diagonal pairs of neighbours.

    The smoothness term S of the released xVAT code, which applies it to sigmoid(z - beta log(-gamma
    / zeta)) of a mask z.

    Of sequences and volumes, along each of their axes alone.

    Args:
        values: [batch, height, width, channels], or with one or three axes of space.

    Returns:
        Roughness per example, >= 0, float32 [batch]; 0 for vectors, which have no neighbours.
    """
    if len(values.shape) == 2:
        return tf.zeros(tf.shape(values)[:1])
    if len(values.shape) != 4:
        inner = list(range(1, len(values.shape)))
        steps = [tf.experimental.numpy.diff(values, axis=axis) for axis in inner[:-1]]
        return tf.add_n([tf.reduce_mean(tf.abs(step), axis=inner) for step in steps])
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
        mask: [batch, height', width', channels'], or with one or three axes of space.
        image_shape: static shape [batch, height, width, channels] to cover; height' and width'
            divide height and width, rounding up.

    Returns:
        [batch, height, width, channels']; `mask` itself where it has that resolution, or where the
        inputs are vectors.
    """
    axes = range(1, len(image_shape) - 1)
    if all(mask.shape[axis] == image_shape[axis] for axis in axes):
        return mask
    for axis in axes:
        size = image_shape[axis]
        mask = tf.repeat(mask, -(-size // mask.shape[axis]), axis=axis)
    return mask[(slice(None), *(slice(image_shape[axis]) for axis in axes))]


def refuse_other_gates(gates: Any, image_shape: Any) -> None:
    """Raises ValueError unless gates can be expanded to images, and each of them covers pixels.

    Args:
        gates: shape of an image's mask, [height', width', channels'] or such.
        image_shape: [batch, height, width, channels] or such, None where not known.
    """
    shape = tuple(image_shape)[1:]
    fits = len(gates) == len(shape) and gates[-1] in (1, shape[-1])
    for covered, side in zip(gates[:-1], shape[:-1], strict=False):
        # A square's side is rounded up, which may leave the last gates without a pixel.
        fits &= side is None or (covered > 0 and covered == -(-side // -(-side // covered)))
    if not fits:
        raise ValueError(
            "a mask must have a gate for each pixel or each square of pixels of the images, and 1 "
            f"channel or theirs. Received: gates of shape {tuple(gates)}, images of shape {shape}"
        )


def num_gates(image_shape: Any, mask_channels: Any) -> int:
    """Gates of a mask at the image's resolution: its pixels, once per channel of the mask.

    Args:
        image_shape: [batch, ..., channels] without None, or [batch, features], a gate each.
        mask_channels: of the mask.
    """
    if len(image_shape) == 2:
        return int(image_shape[-1])
    return int(math.prod(image_shape[1:-1]) * mask_channels)


def removed(image: Any, mask: tf.Tensor, fill: Any) -> tf.Tensor:
    """Image z + fill (1 - z), z the mask: what is left of images where gates are closed.

    Args:
        image: [batch, ..., channels] or [batch, features].
        mask: z, in [0, 1], of the image's resolution, with one channel or the image's.
        fill: what a pixel becomes where z is 0: a number, an array of an image's or of
            the images' shape, or "blurred".

    Returns:
        float32, shape of `image`.
    """
    image = tf.cast(image, tf.float32)
    filled = blur(image) if isinstance(fill, str) else tf.cast(fill, tf.float32)
    return image * mask + filled * (1.0 - mask)


def blur(image: tf.Tensor) -> tf.Tensor:
    """Weighs each pixel's surroundings by a Gaussian of a tenth of the side's deviation.

    Args:
        image: [batch, ..., channels], with one to three axes of space of known size.

    Returns:
        Shape of `image`; a constant image stays as it is up to its border, for the weights of the
        pixels within the image sum to 1.
    """
    for axis in range(1, len(image.shape) - 1):
        side = image.shape[axis]
        distance = np.subtract.outer(np.arange(side), np.arange(side))
        weights = np.exp(-0.5 * np.square(distance * _SIDES_A_DEVIATION / side))
        weights /= np.sum(weights, axis=1, keepdims=True)
        moved = tf.tensordot(image, tf.constant(weights.T, image.dtype), [[axis], [0]])
        image = tf.experimental.numpy.moveaxis(moved, -1, axis)
    return image
