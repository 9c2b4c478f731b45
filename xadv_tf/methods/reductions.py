"""Sums over replicas: what makes any number of replicas take the step that one would."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def num_replicas() -> int:
    """Replicas that share a global batch."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def share_of_global_mean(term: Any, replicas: int) -> tf.Tensor:
    """What this replica adds to the mean over the global batch; replicas' shares sum to it."""
    return tf.reduce_mean(term) / replicas


def norm_and_shares(gradients: Sequence[Any], replicas: int) -> tuple[tf.Tensor, list[Any]]:
    """Norm of the summed gradients, and what to hand to an optimizer that sums over replicas.

    With several replicas dense gradients are summed here, since the norm of a sum does not follow
    from the norms of its parts, and handed on in equal shares. Rows of a table are disjoint between
    replicas: their squares add up, and the slices stay as they are.
    """
    if replicas == 1:
        return tf.linalg.global_norm(gradients), list(gradients)
    context = tf.distribute.get_replica_context()
    sums: list[Any] = []
    square = tf.zeros(())
    for gradient in gradients:
        if gradient is None:  # A weight on which the objective does not depend.
            sums.append(None)
        elif isinstance(gradient, tf.IndexedSlices):
            local = tf.reduce_sum(tf.square(gradient.values))
            square += context.all_reduce(tf.distribute.ReduceOp.SUM, local)
            sums.append(gradient)
        else:
            total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradient)
            square += tf.reduce_sum(tf.square(total))
            sums.append(total / replicas)
    return tf.sqrt(square), sums


def sum_over_replicas(logs: dict[str, tf.Tensor], replicas: int) -> dict[str, tf.Tensor]:
    """Each scalar's sum over the replicas, in one collective operation."""
    if replicas == 1:
        return logs
    packed = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, tf.stack(list(logs.values()))
    )
    return dict(zip(logs, tf.unstack(packed), strict=True))
