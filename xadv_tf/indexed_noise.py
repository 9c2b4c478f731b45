"""Randomness as a function of (seed, purpose, example): each image has its own numbers for good.

In place of a table of them: nothing to store or to save, whatever the size of the pool. The draws
of `xadv_tf.noise` change with every step; these do not.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

# Of MurmurHash3's finalizer (Appleby 2011), which turns neighbouring integers into unrelated ones.
_FACTORS = (0x85EBCA6B, 0xC2B2AE35)
_SHIFTS = (16, 13, 16)
# 2^32 / golden ratio, odd: neighbouring places are far apart before they are mixed.
_STRIDE = 0x9E3779B9


def uniform(index: Any, shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    """Uniform on [0, 1) for each example, of 24 random bits; with XLA the same numbers.

    Args:
        index: the examples' places in the pool, integers [batch].
        shape: static shape of an example's numbers.
        seed: uint32 [2], of `noise.seed_pair` for the purpose, at step 0 of replica 0.

    Returns:
        float32 [batch, *shape].
    """
    word = seed[0] + seed[1]
    rows = _mixed(_mixed(tf.cast(index, tf.uint32)) + word)
    places = tf.range(math.prod(shape), dtype=tf.int64) * _STRIDE
    bits = _mixed(_mixed(rows[:, None] ^ tf.cast(places, tf.uint32)[None]) + word)
    # From a signed type, for the way from unsigned to float is no kernel everywhere.
    draws = tf.cast(tf.cast(tf.bitwise.right_shift(bits, 8), tf.int32), tf.float32) * 2.0**-24
    return tf.reshape(draws, [-1, *shape])


def normal(index: Any, shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    """Standard normal (Box & Muller 1958); arguments and result as of `uniform`."""
    draws = uniform(index, (2, *shape), seed)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - draws[:, 0]))
    return radius * tf.cos(2.0 * math.pi * draws[:, 1])


def _mixed(words: tf.Tensor) -> tf.Tensor:
    for shift, factor in zip(_SHIFTS, (*_FACTORS, None), strict=True):
        words = words ^ tf.bitwise.right_shift(words, tf.constant(shift, tf.uint32))
        if factor is not None:
            words = words * tf.constant(factor, tf.uint32)
    return words
