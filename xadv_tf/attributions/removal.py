"""Deletion and insertion: what becomes of a prediction as an attribution's pixels go or come.

Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
2018, section 4.1.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf import noise as noise_lib
from xadv_tf.attributions.scores import Predict


class Curves(NamedTuple):
    """What a classifier says of images as their pixels are exchanged.

    Attributes:
        probability: of the class that is followed, float32 [batch, points].
        agrees: whether it is still the most probable one, float32 [batch, points], 0 or 1.
    """

    probability: tf.Tensor
    agrees: tf.Tensor


def ranks(attribution: Any, *, seed: int = 0) -> tf.Tensor:
    """Each pixel's place in the order of its image: 0 for the largest attribution.

    Pixels of the same attribution stand in random order: in the order of the rows, a map that is 0
    nearly everywhere would be measured by where its image has its content.

    Args:
        attribution: [batch, height, width].
        seed: of the order among equals.

    Returns:
        int32 [batch, height, width], a permutation of 0 to height * width - 1 for each image.
    """
    flat = tf.reshape(attribution, [tf.shape(attribution)[0], -1])
    draws = noise_lib.uniform(tf.shape(flat), noise_lib.seed_pair(seed, "ties", 0, 0))
    shuffled = tf.argsort(draws)
    largest_first = tf.argsort(
        tf.gather(flat, shuffled, batch_dims=1), direction="DESCENDING", stable=True
    )
    order = tf.gather(shuffled, largest_first, batch_dims=1)
    return tf.reshape(tf.argsort(order), tf.shape(attribution))


def counts(num_pixels: int, num_steps: int = 24) -> npt.NDArray[np.int32]:
    """How many pixels are exchanged at each point of a curve, from 0 to all, int32 [points].

    Squares of evenly spaced numbers: curves are steep where the first pixels go.

    Args:
        num_pixels: of an image.
        num_steps: points after the first; fewer where an image has not so many pixels.
    """
    return np.unique(np.rint(num_pixels * np.linspace(0.0, 1.0, num_steps + 1) ** 2)).astype(
        np.int32
    )


def exchange(start: Any, end: Any, rank: Any, count: Any) -> tf.Tensor:
    """`start` with its first `count` pixels as they are in `end`.

    Args:
        start: [batch, height, width, channels].
        end: same shape.
        rank: of each pixel, as `ranks` gives it, [batch, height, width].
        count: integer scalar.
    """
    return tf.where((rank < count)[..., tf.newaxis], end, start)


def deletion(
    predict: Predict, image: Any, switched_off: Any, rank: Any, label: Any, counts: Any
) -> Curves:
    """Follows the class as pixels are switched off, the most important ones first.

    Args:
        predict: images -> logits.
        image: [batch, height, width, channels].
        switched_off: what its pixels become, same shape.
        rank: of each pixel, as `ranks` gives it.
        label: the class to follow, integer [batch].
        counts: pixels that are switched off at each point, [points].
    """
    return _follow(predict, image, switched_off, rank, label, counts)


def insertion(
    predict: Predict, image: Any, switched_off: Any, rank: Any, label: Any, counts: Any
) -> Curves:
    """Follows the class as an image that is switched off gets its most important pixels first.

    Args: as of `deletion`, `counts` those that are shown.
    """
    return _follow(predict, switched_off, image, rank, label, counts)


def area(curve: Any, counts: Any) -> npt.NDArray[np.float64]:
    """Area under each curve over the share of the pixels, by trapezoids, [...].

    Args:
        curve: [..., points].
        counts: pixels exchanged at each point, from 0 to all, [points].
    """
    share = np.asarray(counts, np.float64) / counts[-1]
    return np.asarray(np.trapezoid(np.asarray(curve, np.float64), share, axis=-1))


def _follow(predict: Predict, start: Any, end: Any, rank: Any, label: Any, counts: Any) -> Curves:
    def at(count: tf.Tensor) -> Curves:
        logits = tf.cast(predict(exchange(start, end, rank, count)), tf.float32)
        probability = tf.gather(tf.nn.softmax(logits), label, batch_dims=1)
        first = tf.argmax(logits, axis=-1, output_type=tf.int32) == tf.cast(label, tf.int32)
        return Curves(probability, tf.cast(first, tf.float32))

    points = tf.map_fn(
        at, tf.constant(counts, tf.int32), fn_output_signature=Curves(tf.float32, tf.float32)
    )
    return Curves(tf.transpose(points.probability), tf.transpose(points.agrees))
