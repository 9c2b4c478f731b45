"""Adam's moments as a pure function, for searches inside of a graph that train no variable."""

from typing import Any

import tensorflow as tf

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


def moved(
    mean: Any, square: Any, gradient: Any, power: Any, step: Any
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """One step of the moments (Kingma & Ba 2015, algorithm 1).

    Args:
        mean: first moment so far, 0 at the beginning.
        square: second moment so far, likewise.
        gradient: of this step, shape of `mean`.
        power: its squares, or a mean of them, shape of `square`.
        step: steps before this one, integer scalar.

    Returns:
        The moments after the step, and what to move by: the corrected mean, and the root of the
        corrected second moment that it is to be divided by.
    """
    taken = tf.cast(step + 1, tf.float32)
    mean = _BETA_1 * mean + (1.0 - _BETA_1) * gradient
    square = _BETA_2 * square + (1.0 - _BETA_2) * power
    root = tf.sqrt(square / (1.0 - _BETA_2**taken)) + _EPSILON
    return mean, square, mean / (1.0 - _BETA_1**taken), root
