"""Where the batches of the loop come from: images in memory, or streamed from their files.

Both make the batch of a step in the same four moves, each in its place: on the host, inside the
loop, on a replica outside XLA, and inside the compiled step.
"""

from typing import Any, Protocol

import tensorflow as tf

from xadv_tf import data


class Source(Protocol):
    """A batch's way to a replica's step."""

    def open(self, step: int, num_steps: int) -> Any:
        """On the host, before `num_steps` steps from `step` on: what the loop is called with."""

    def fetch(self, opened: Any, step: tf.Tensor) -> tuple[Any, ...]:
        """Inside the loop, for all replicas: what `strategy.run` gives to each."""

    def draw(self, *fetched: Any) -> tuple[Any, ...]:
        """On a replica, outside XLA."""

    def gather(self, *drawn: Any) -> Any:
        """On a replica, inside the compiled step: its batch."""


class PoolSource:
    """Images in memory, a copy on each replica's device: a step gathers where it computes.

    Args:
        pool: the training images.
        sampler: draws the indices of a batch, which XLA cannot.
        strategy: of tf.distribute.
    """

    def __init__(
        self, pool: data.PoolData, sampler: data.Sampler, strategy: tf.distribute.Strategy
    ) -> None:
        self._sampler = sampler
        self._replicas = strategy.num_replicas_in_sync
        self._pool = pool.on(strategy) if self._replicas > 1 else pool

    def open(self, step: int, num_steps: int) -> Any:
        """The pool."""
        return self._pool

    def fetch(self, opened: Any, step: tf.Tensor) -> tuple[Any, ...]:
        """The pool and the step."""
        return opened, step

    def draw(self, *fetched: Any) -> tuple[Any, ...]:
        """The pool and the indices of the replica's share of the step's batch."""
        pool, step = fetched
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return pool, self._sampler.indices(step, replica, self._replicas)

    def gather(self, *drawn: Any) -> Any:
        """The images and labels at the indices."""
        pool, indices = drawn
        return pool.gather(indices, joined=self._sampler.joined)


class StreamSource:
    """Images in their files, read and decoded while earlier steps compute.

    Args:
        pool: the training images.
        sampler: draws which of them a batch holds.
        strategy: of tf.distribute.
    """

    def __init__(
        self, pool: data.StreamedPool, sampler: data.Sampler, strategy: tf.distribute.Strategy
    ) -> None:
        self._stream = data.Stream(pool, sampler, strategy)

    def open(self, step: int, num_steps: int) -> Any:
        """An iterator over the steps' batches."""
        return self._stream.take(step, num_steps)

    def fetch(self, opened: Any, step: tf.Tensor) -> tuple[Any, ...]:
        """The next batch, each replica's share."""
        return (next(opened),)

    def draw(self, *fetched: Any) -> tuple[Any, ...]:
        """The same: it was drawn where it was read."""
        return fetched

    def gather(self, *drawn: Any) -> Any:
        """The batch."""
        (batch,) = drawn
        # A stream has no unlabeled entry where it would be the labeled one.
        return {"unlabeled": batch["labeled"], **batch}


def of(
    pool: data.PoolData | data.StreamedPool,
    sampler: data.Sampler,
    strategy: tf.distribute.Strategy,
) -> Source:
    """The source of a pool."""
    if isinstance(pool, data.StreamedPool):
        return StreamSource(pool, sampler, strategy)
    return PoolSource(pool, sampler, strategy)
