"""Randomness as a function of (seed, purpose, step, replica): nothing to save, nothing to restore.

A Keras SeedGenerator draws the same numbers on every replica of a MirroredStrategy, and its state
is left out of checkpoints. A pair of integers made here has neither fault: same arguments, same
numbers, whether the run was interrupted or not.
"""

import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# The second word of a pair is step * MAX_REPLICAS + replica and must fit 32 bits: 67 million steps.
MAX_REPLICAS = 64


# Longer names of purposes are refused.
_MAX_PURPOSE = 128


def seed_words(seed: int) -> npt.NDArray[np.uint32]:
    """What a seed adds to the hash of a purpose, by the length of the purpose's name: [128].

    With these words as an input, what is compiled serves every seed. CRC-32 is linear over bits:
    crc(seed + purpose) is crc(purpose) xor a word that the purpose's letters do not change.
    """
    prefix = f"{seed}/".encode()
    zeros = [bytes(length) for length in range(_MAX_PURPOSE)]
    return np.asarray([zlib.crc32(prefix + zero) ^ zlib.crc32(zero) for zero in zeros], np.uint32)


def seed_pair(seed: Any, purpose: str, step: Any, replica: Any) -> tf.Tensor:
    """A seed for stateless ops.

    Args:
        seed: the experiment's seed, a Python integer, or its `seed_words` as a tensor; the numbers
            are the same.
        purpose: what the numbers are for; different purposes draw independent numbers.
        step: global step, integer scalar (a tensor or a Python integer).
        replica: replica in [0, MAX_REPLICAS).

    Returns:
        uint32 [2].

    Raises:
        ValueError: for a purpose of 128 bytes or more.
    """
    name = purpose.encode()
    if len(name) >= _MAX_PURPOSE:
        raise ValueError(
            f"purpose must be shorter than {_MAX_PURPOSE} bytes. Received: purpose={purpose}"
        )
    if tf.is_tensor(seed):
        word = tf.constant(zlib.crc32(name), tf.uint32)
        purpose_word = tf.bitwise.bitwise_xor(seed[len(name)], word)
    else:
        purpose_word = tf.constant(zlib.crc32(f"{seed}/".encode() + name), tf.uint32)
    draw_word = tf.cast(step, tf.int64) * MAX_REPLICAS + tf.cast(replica, tf.int64)
    return tf.stack([purpose_word, tf.cast(draw_word, tf.uint32)])


class Seed:
    """An experiment's seed as a variable: what is compiled once serves the next seed too.

    Args:
        value: the seed.
    """

    def __init__(self, value: int) -> None:
        self._value = value
        # Not unsigned: TensorFlow has no broadcast of these, by which several machines begin alike.
        words = seed_words(value).astype(np.int64)
        self._words = tf.Variable(words, trainable=False, name="seed_words")

    @property
    def value(self) -> int:
        """The seed."""
        return self._value

    def assign(self, value: int) -> None:
        """Draws other numbers from now on, in what is compiled already as well."""
        self._value = value
        self._words.assign(seed_words(value))

    def pair(self, purpose: str, step: Any, replica: Any) -> tf.Tensor:
        """See `seed_pair`."""
        return seed_pair(tf.cast(self._words.value(), tf.uint32), purpose, step, replica)


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
