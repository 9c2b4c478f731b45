"""From bytes to the numbers a network sees.

TensorFlow operations only, so the same function scales the training arrays and stands in front of
an exported model. Each subtracts exactly and then multiplies once: a division, or a product before
a sum, is rounded differently in eager mode, in a graph and under XLA.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Scaling = Callable[[Any], tf.Tensor]


def unit(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [0, 1]."""
    return tf.cast(image, tf.float32) * (1 / 255)


def centered(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [-0.5, 0.5]: v / 255 - 0.5."""
    return (tf.cast(image, tf.float32) - 127.5) * (1 / 255)


def symmetric(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [-1, 1]."""
    return (tf.cast(image, tf.float32) - 127.5) * (1 / 127.5)


SCALINGS: dict[str, Scaling] = {"centered": centered, "unit": unit, "symmetric": symmetric}


def get(name: str) -> Scaling:
    """The scaling of that name.

    Raises:
        ValueError: no such scaling.
    """
    if name not in SCALINGS:
        known = ", ".join(sorted(SCALINGS))
        raise ValueError(f"The scaling must be one of {known}. Received: {name!r}")
    return SCALINGS[name]
