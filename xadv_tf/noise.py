"""Randomness as a function of (seed, purpose, step, replica): nothing to save, nothing to restore.

A Keras SeedGenerator draws the same numbers on every replica of a MirroredStrategy, and its state
is left out of checkpoints. A pair of integers made here has neither fault: same arguments, same
numbers, whether the run was interrupted or not.
"""

import math
import zlib
from typing import Any

import tensorflow as tf

# The second word of a pair is step * MAX_REPLICAS + replica and must fit 32 bits: 67 million steps.
MAX_REPLICAS = 64


def seed_pair(seed: int, purpose: str, step: Any, replica: Any) -> tf.Tensor:
    """A seed for stateless ops.

    Args:
        seed: the experiment's seed.
        purpose: what the numbers are for; different purposes draw independent numbers.
        step: global step, integer scalar (a tensor or a Python integer).
        replica: replica in [0, MAX_REPLICAS).

    Returns:
        uint32 [2].
    """
    # The hash is a Python constant of the graph; only the step and the replica are computed.
    purpose_word = zlib.crc32(f"{seed}/{purpose}".encode())
    draw_word = tf.cast(step, tf.int64) * MAX_REPLICAS + tf.cast(replica, tf.int64)
    return tf.stack([tf.constant(purpose_word, tf.uint32), tf.cast(draw_word, tf.uint32)])


def uniform(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Uniform on [0, 1), float32, of 24 random bits; the same numbers with XLA and without."""
    # TensorFlow and XLA agree on the random words but make floats of different bits of them.
    words = tf.random.stateless_uniform(
        shape,
        tf.bitcast(seed, tf.int32),  # The ops take signed seeds; Keras keeps unsigned ones.
        minval=None,
        maxval=None,
        dtype=tf.uint32,
        alg="philox",
    )
    return tf.cast(tf.bitwise.right_shift(words, 8), tf.float32) * 2.0**-24


def normal(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Standard normal, float32 (Box & Muller 1958); with XLA the same up to rounding."""
    draws = uniform(tf.concat([[2], shape], axis=0), seed)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - draws[0]))
    return radius * tf.cos(2.0 * math.pi * draws[1])
