"""RISE: which pixels were there whenever the class was probable (Petsiuk, Das & Saenko 2018)."""

from typing import Any

import tensorflow as tf

from xadv_tf import masks
from xadv_tf import noise as noise_lib
from xadv_tf.attributions.scores import Predict, class_probability


def random_masks(
    shape: Any, *, seed: int, draw: Any, cells: int = 7, kept: float = 0.5
) -> tf.Tensor:
    """One smooth random mask, the same for all images (Petsiuk et al. 2018, section 3.2).

    A coarse grid of cells that are on or off, made larger bilinearly and shifted at random by less
    than a cell. The grid has one cell more along each side than the image, so that a cell is as
    large as `cells` says; in the paper the grid has `cells` and is stretched over as many and one.

    Args:
        shape: (height, width).
        seed: of the masks.
        draw: number of the mask, integer scalar.
        cells: along each side of the image.
        kept: probability that a cell is on.

    Returns:
        In [0, 1], float32 [1, height, width, 1].
    """
    height, width = shape
    draws = noise_lib.uniform(
        [1, cells + 1, cells + 1, 1], noise_lib.seed_pair(seed, "rise", draw, 0)
    )
    grid = tf.cast(draws < kept, tf.float32)
    cell = tf.constant([-(-height // cells), -(-width // cells)])
    offset = noise_lib.uniform([2], noise_lib.seed_pair(seed, "rise/offset", draw, 0))
    top, left = tf.unstack(tf.cast(offset * tf.cast(cell, tf.float32), tf.int32))
    large = tf.image.resize(grid, cell * (cells + 1))
    return tf.slice(large, [0, top, left, 0], [1, height, width, 1])


def rise(
    predict: Predict,
    image: Any,
    label: Any,
    *,
    switched_off: Any,
    seed: int = 0,
    num_samples: int = 500,
    kept: float = 0.5,
) -> tf.Tensor:
    """Mean of random masks, each weighed by the class's probability under it; by forward passes.

    Args:
        predict: images -> logits.
        image: float32 [batch, height, width, channels].
        label: the class to explain, integer [batch].
        switched_off: what masked pixels become, shape of `image`; 0 in the paper.
        seed: of the masks.
        num_samples: masks.
        kept: probability that a cell of a mask is on.

    Returns:
        >= 0, float32 [batch, height, width].
    """

    def add(total: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        mask = random_masks(image.shape[1:3], seed=seed, draw=draw, kept=kept)
        masked = masks.removed(image, mask, switched_off)
        weight = class_probability(predict, masked, label)[:, tf.newaxis, tf.newaxis]
        return total + weight * mask[..., 0]

    total = tf.foldl(add, tf.range(num_samples), tf.zeros_like(image[..., 0]))
    return total / (num_samples * kept)
