"""Randomness as a function of (seed, purpose, step, replica): nothing to save, nothing to restore.

A Keras SeedGenerator draws the same numbers on every replica of a MirroredStrategy, and its state
is left out of checkpoints. A pair of integers made here has neither fault: same arguments, same
numbers, whether the run was interrupted or not.
"""

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
    """Uniform on [0, 1), float32; the same numbers with XLA and without."""
    return tf.random.stateless_uniform(shape, _as_int32(seed), alg="philox")


def normal(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Standard normal, float32; the same numbers with XLA and without (to rounding)."""
    return tf.random.stateless_normal(shape, _as_int32(seed), alg="philox")


def _as_int32(seed: tf.Tensor) -> tf.Tensor:
    # Stateless ops take signed seeds; Keras keeps its own as uint32. Same bits.
    return tf.bitcast(seed, tf.int32)
