"""Norms per example, shared by VAT, AT, the masks and the attacks."""

from typing import Any

import tensorflow as tf

# Far below any gradient worth following, far above the smallest normal float32.
_TINY = 1e-30


def l2_normalize(x: Any) -> tf.Tensor:
    """Scales each example of x, [batch, ...], to Euclidean norm 1; zero stays zero.

    By the largest entry first: gradients of a divergence near its minimum are so small (1e-20 and
    less) that their squares would underflow.
    """
    scale = tf.reduce_max(tf.abs(x), axis=_inner_axes(x), keepdims=True) + _TINY
    x = x / scale
    square = tf.reduce_sum(tf.square(x), axis=_inner_axes(x), keepdims=True)
    return x * tf.math.rsqrt(tf.maximum(square, _TINY))


def l2_norm(x: Any) -> tf.Tensor:
    """Euclidean norm of each example of x, [batch, ...], as [batch, 1, ..., 1].

    By the largest entry first, as `l2_normalize`.
    """
    scale = tf.reduce_max(tf.abs(x), axis=_inner_axes(x), keepdims=True) + _TINY
    return scale * tf.sqrt(tf.reduce_sum(tf.square(x / scale), axis=_inner_axes(x), keepdims=True))


def project_to_ball(perturbation: Any, epsilon: Any, norm: str) -> tf.Tensor:
    """The nearest point of the ball of radius epsilon about 0, for each example.

    Args:
        perturbation: [batch, ...].
        epsilon: radius, >= 0, a scalar in the units of the images.
        norm: "linf" or "l2".

    Returns:
        Shape of `perturbation`; what lies within the ball stays as it is.

    Raises:
        ValueError: for another norm.
    """
    if norm == "linf":
        return tf.clip_by_value(perturbation, -epsilon, epsilon)
    if norm == "l2":
        return perturbation * tf.minimum(1.0, epsilon / tf.maximum(l2_norm(perturbation), _TINY))
    raise _unknown(norm)


def steepest_step(gradient: Any, epsilon: Any, norm: str) -> tf.Tensor:
    """The perturbation of size epsilon that raises a linear function the most.

    L-infinity: epsilon sign(g) (Goodfellow et al. 2015); L2: epsilon g / ||g|| per example.

    Args:
        gradient: g, [batch, ...].
        epsilon: size of the step in the given norm, >= 0.
        norm: "linf" or "l2".

    Returns:
        The perturbation, shape of `gradient`.

    Raises:
        ValueError: for another norm.
    """
    if norm == "linf":
        return epsilon * tf.sign(gradient)
    if norm == "l2":
        return epsilon * l2_normalize(gradient)
    raise _unknown(norm)


def _unknown(norm: str) -> ValueError:
    return ValueError(f"norm must be 'linf' or 'l2'. Received: norm={norm!r}")


def relative_energy(perturbation: Any, x: Any) -> tf.Tensor:
    """||perturbation||^2 / ||x||^2 of each example: what a perturbation takes, or puts in.

    Additive and multiplicative perturbations can be compared by it: x z - x, z a mask, has at most
    the energy 1, as a closed mask; r of length epsilon has epsilon^2 / ||x||^2.

    Args:
        perturbation: x_adv - x, [batch, ...].
        x: the images, same shape.

    Returns:
        float32 [batch], >= 0; 0 for an image that is 0 everywhere.
    """
    perturbation, x = tf.cast(perturbation, tf.float32), tf.cast(x, tf.float32)
    energies = [tf.reduce_sum(tf.square(v), axis=_inner_axes(v)) for v in (perturbation, x)]
    return tf.math.divide_no_nan(*energies)


def _inner_axes(x: Any) -> list[int]:
    return list(range(1, len(x.shape)))
