"""Where the batches of the loop come from: images in memory, or streamed from their files.

Both make the batch of a step in the same four moves, each in its place: on the host, inside the
loop, on a replica outside XLA, and inside the compiled step.
"""

from typing import Any, Protocol

import tensorflow as tf

from xadv_tf import data, noise


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
        with tf.device("CPU:0"):  # Where indices are drawn.
            self._seed = tf.constant(noise.seed_words(sampler.seed))

    def open(self, step: int, num_steps: int) -> Any:
        """The pool, and the seed as an input: the compiled loop serves any."""
        return self._pool, self._seed

    def fetch(self, opened: Any, step: tf.Tensor) -> tuple[Any, ...]:
        """The pool, the seed and the step."""
        return *opened, step

    def draw(self, *fetched: Any) -> tuple[Any, ...]:
        """The pool and the indices of the replica's share of the step's batch."""
        pool, seed, step = fetched
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return pool, self._sampler.indices(step, replica, self._replicas, seed=seed)

    def draw_ahead(self, opened: Any, first: tf.Tensor, count: int) -> tuple[Any, ...]:
        """What `draw` gives one replica for each of `count` steps: the pool, and indices stacked.

        Args:
            opened: by `open`.
            first: step of the first batch, integer scalar.
            count: of steps.
        """
        pool, seed = opened
        sampler = self._sampler
        sizes = (sampler.labeled_batch_size, sampler.unlabeled_batch_size)

        def drawn(step: tf.Tensor) -> list[tf.Tensor]:
            return [draw for draw in sampler.indices(step, seed=seed) if draw is not None]

        with tf.device("CPU:0"):
            steps = first + tf.range(count, dtype=first.dtype)
            specs = [tf.TensorSpec([size], tf.int32) for size in sizes if size]
            draws = iter(tf.map_fn(drawn, steps, fn_output_signature=specs))
        return pool, data.Draws(*(next(draws) if size else None for size in sizes))

    def gather_ahead(self, i: tf.Tensor, *drawn: Any) -> Any:
        """The batch of the i-th step of `draw_ahead`."""
        pool, draws = drawn
        return self.gather(pool, data.Draws(*(None if draw is None else draw[i] for draw in draws)))

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
