"""Sums over replicas: what makes any number of replicas take the step that one would."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def num_replicas() -> int:
    """Replicas that share a global batch."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def shares_of_global_means(terms: Mapping[str, Any], replicas: int) -> dict[str, tf.Tensor]:
    """What this replica adds to each term's mean over the global batch; the shares sum to it.

    Replicas count by their examples, of which they may have different numbers, or none.

    Args:
        terms: {name: per example, [this replica's examples], or a scalar}; a scalar must be the
            same on all replicas, or else it counts as the value of one example.
        replicas: their number.
    """
    sizes = {name: tf.cast(tf.size(term), tf.float32) for name, term in terms.items()}
    means = {name: (tf.reduce_mean(term), sizes[name]) for name, term in terms.items()}
    return shares_of_weighted_means(means, replicas)


def shares_of_weighted_means(
    means: Mapping[str, tuple[Any, Any]], replicas: int
) -> dict[str, tf.Tensor]:
    """What this replica adds to weighted means over replicas.

    Args:
        means: {name: (this replica's mean, its weight, float32)}.
        replicas: their number.
    """
    if replicas == 1 or not means:
        return {name: value for name, (value, _) in means.items()}
    weights = tf.stack([weight for _, weight in means.values()])
    shares = tf.math.divide_no_nan(weights, _sum(weights))
    return {
        # The mean of no example is NaN, and its share is 0.
        name: tf.math.multiply_no_nan(value, share)
        for (name, (value, _)), share in zip(means.items(), tf.unstack(shares), strict=True)
    }


def take_sums(optimizer: Any) -> None:
    """Lets `optimizer.apply` take gradients that are sums over the replicas already.

    Keras clips each replica's part and sums the parts then: N replicas would step up to N times as
    far as one does.

    Raises:
        ValueError: on several replicas, for gradient accumulation or ema_overwrite_frequency.
    """
    # Keras decides within tf.cond whether to do these, and replicas cannot meet in there.
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        steps = getattr(optimizer, name)
        if steps and num_replicas() > 1:
            raise ValueError(
                f"{name} must be None with several replicas. "
                f"Received: {name}={steps}, {num_replicas()} replicas"
            )
    optimizer._all_reduce_sum_gradients = list


def norm_and_sums(gradients: Sequence[Any], replicas: int) -> tuple[tf.Tensor, list[Any]]:
    """The gradients summed over replicas, and their norm; for an optimizer that takes sums.

    Rows of a table are gathered. For the norm they are taken to be disjoint between replicas, so
    that their squares add up.

    Args:
        gradients: of this replica's share of the objective; None where it does not depend on a
            weight, which is None in the sums too.
        replicas: their number.
    """
    given = [gradient for gradient in gradients if gradient is not None]
    if not given:
        return tf.zeros(()), list(gradients)
    if replicas == 1:
        return tf.linalg.global_norm(given), list(gradients)
    context = tf.distribute.get_replica_context()
    sums = context.all_reduce(tf.distribute.ReduceOp.SUM, given)
    rest = iter(sums)
    return (
        tf.linalg.global_norm(sums),
        [None if gradient is None else next(rest) for gradient in gradients],
    )


def sum_over_replicas(shares: Mapping[str, tf.Tensor], replicas: int) -> dict[str, tf.Tensor]:
    """Each scalar's sum over the replicas, in one collective operation."""
    if replicas == 1:
        return dict(shares)
    return dict(zip(shares, tf.unstack(_sum(tf.stack(list(shares.values())))), strict=True))


def _sum(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)
