"""The hard-concrete distribution: gates in [0, 1] that are often exactly 0 or 1.

A gate stretches a binary concrete variable to (gamma, zeta) and clips it to [0, 1]
(Louizos, Welling & Kingma, "Learning Sparse Neural Networks through L0 Regularization",
ICLR 2018, eqs. 10 to 12). All functions are pure and elementwise: the noise is an argument, so that
whoever calls decides where randomness comes from.
"""

import math
from typing import Any

import tensorflow as tf

BETA = 0.66
GAMMA = -0.1
ZETA = 1.1

# Keeps log(u) and log(1 - u) finite for u = 0 and u = 1; the released xVAT code uses the same.
_LOG_OFFSET = 1e-10


def check_parameters(beta: float, gamma: float, zeta: float) -> None:
    """Raises ValueError unless beta > 0, gamma < 0 and zeta > 1.

    Outside this range no gate can be exactly 0 or 1, or the temperature has no meaning.
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive. Received: beta={beta}")
    if not gamma < 0:
        raise ValueError(f"gamma must be negative, or no gate closes. Received: gamma={gamma}")
    if not zeta > 1:
        raise ValueError(f"zeta must exceed 1, or no gate opens fully. Received: zeta={zeta}")


def sample(
    log_alpha: Any, noise: Any, *, beta: float = BETA, gamma: float = GAMMA, zeta: float = ZETA
) -> tf.Tensor:
    """Draws gates z = clip(s (zeta - gamma) + gamma, 0, 1).

    Here s = sigmoid((logit(u) + log_alpha) / beta).

    Args:
        log_alpha: location of each gate, any shape; large values open the gate.
        noise: u, uniform on [0, 1), of log_alpha's shape.
        beta: temperature, positive.
        gamma: lower end of the stretched interval, negative.
        zeta: upper end of the stretched interval, above 1.

    Returns:
        Gates in [0, 1], float32, of log_alpha's shape. A gate that is clipped passes no gradient.
    """
    log_alpha = tf.cast(log_alpha, tf.float32)
    noise = tf.cast(noise, tf.float32)
    logit = tf.math.log(noise + _LOG_OFFSET) - tf.math.log(1.0 - noise + _LOG_OFFSET)
    return _stretch((logit + log_alpha) / beta, gamma, zeta)


def deterministic(
    log_alpha: Any, *, beta: float = BETA, gamma: float = GAMMA, zeta: float = ZETA
) -> tf.Tensor:
    """The gate without noise, for looking at masks: `sample` at u = 1/2.

    The released xVAT code keeps the division by beta; Louizos et al. 2018, eq. 13, drop it.

    Args:
        log_alpha: location of each gate, any shape.
        beta: temperature, positive.
        gamma: lower end of the stretched interval, negative.
        zeta: upper end of the stretched interval, above 1.

    Returns:
        Gates in [0, 1], float32, of log_alpha's shape.
    """
    return _stretch(tf.cast(log_alpha, tf.float32) / beta, gamma, zeta)


def saturation(*, beta: float = BETA, gamma: float = GAMMA, zeta: float = ZETA) -> float:
    """The |log_alpha| from which on every `deterministic` gate is exactly 0 or 1.

    Args:
        beta: temperature, positive.
        gamma: lower end of the stretched interval, negative.
        zeta: upper end of the stretched interval, above 1.
    """
    # s (zeta - gamma) + gamma reaches 1 where logit(s) is the first, and 0 where it is minus the
    # second of these.
    return beta * max(math.log((1.0 - gamma) / (zeta - 1.0)), math.log(-zeta / gamma))


def expected_l0(
    log_alpha: Any, *, beta: float = BETA, gamma: float = GAMMA, zeta: float = ZETA
) -> tf.Tensor:
    """Probability that a gate is not exactly 0: sigmoid(log_alpha - beta log(-gamma / zeta)).

    Louizos et al. 2018, eq. 12. Summed over an image it is the expected number of kept pixels.

    Args:
        log_alpha: location of each gate, any shape.
        beta: temperature, positive.
        gamma: lower end of the stretched interval, negative.
        zeta: upper end of the stretched interval, above 1.

    Returns:
        Probabilities in (0, 1), float32, of log_alpha's shape.
    """
    return tf.sigmoid(tf.cast(log_alpha, tf.float32) - beta * math.log(-gamma / zeta))


def _stretch(logits: tf.Tensor, gamma: float, zeta: float) -> tf.Tensor:
    return tf.clip_by_value(tf.sigmoid(logits) * (zeta - gamma) + gamma, 0.0, 1.0)
