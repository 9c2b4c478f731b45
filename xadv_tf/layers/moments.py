"""Mean and variance of a batch, of all replicas' batches together if so asked."""

from typing import Any

import tensorflow as tf


def batch_moments(x: Any, *, synchronized: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moments over all axes but the last, differentiable.

    Args:
        x: [batch, ..., channels], float32 or float64.
        synchronized: under `tf.distribute`, take them over the batches of all replicas, which may
            be of different sizes.

    Returns:
        (mean, variance, unbiased variance), [channels] each.
    """
    mean, count = batch_mean(x, synchronized=synchronized)
    axes = list(range(x.shape.rank - 1))
    # Centred before squaring: E[x^2] - E[x]^2 cancels where |mean| >> deviation.
    squares = _sum(tf.reduce_sum(tf.square(x - mean), axes), synchronized)
    return mean, squares / count, squares / tf.maximum(count - 1.0, 1.0)


def batch_mean(x: Any, *, synchronized: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean over all axes but the last, [channels], and the count of what it is taken over.

    Arguments as for `batch_moments`.
    """
    axes = list(range(x.shape.rank - 1))
    count = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
    # The count travels with the sum: one collective op instead of two.
    total = _sum(tf.concat([tf.reduce_sum(x, axes), [count]], axis=0), synchronized)
    count = tf.stop_gradient(total[-1])
    return total[:-1] / count, count


def standardize(
    x: Any, *, epsilon: float, synchronized: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """A batch at mean 0 and variance 1 per channel, and what it had before, all differentiable.

    Args:
        x: [batch, ..., channels], float32 or float64.
        epsilon: added to the variance under the root.
        synchronized: as for `batch_moments`.

    Returns:
        ((x - mean) / deviation, mean, deviation = sqrt(variance + epsilon), unbiased variance),
        the last three [channels].
    """
    mean, variance, unbiased = batch_moments(x, synchronized=synchronized)
    deviation = tf.sqrt(variance + epsilon)
    return (x - mean) / deviation, mean, deviation, unbiased


def num_synchronized(synchronized: bool) -> int:
    """Number of replicas whose moments are taken together."""
    # No replica context means that a model is being built, on no data.
    if not synchronized or tf.distribute.get_replica_context() is None:
        return 1
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def _sum(value: Any, synchronized: bool) -> Any:
    """Sums over replicas; the gradient of the sum is the sum of the gradients."""
    if num_synchronized(synchronized) == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)
