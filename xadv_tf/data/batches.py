"""The batch of a step, as a function of (seed, step).

`Sampler` decides which examples a step sees, `PoolData` holds them on the device and collects
them. There is no epoch and no iterator, hence nothing to save: step 1000 draws the same examples
in a resumed run as in one that was never interrupted.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from xadv_tf import noise

# Fewer rounds of the cipher leave neighbouring slots of a batch visibly correlated.
_ROUNDS = 8


class Draws(NamedTuple):
    """What one replica sees in one step.

    Attributes:
        labeled: int32 [local labeled batch], positions among the labeled examples.
        unlabeled: int32 [local unlabeled batch], positions in the pool; None in supervised
            training.
    """

    labeled: tf.Tensor
    unlabeled: tf.Tensor | None


class Sampler:
    """Draws every batch from a fresh permutation, labeled and unlabeled independently.

    Without replacement inside a batch, with replacement across batches: the released xVAT's way.
    Only this replica's elements of the permutation are computed, so a draw costs O(batch) however
    large the pool is.

    Args:
        num_labeled: number of labeled examples.
        num_pool: number of examples in the unlabeled pool.
        labeled_batch_size: labeled examples a step, over all replicas.
        unlabeled_batch_size: unlabeled examples a step, over all replicas; 0 means supervised
            training, where one batch serves as both.
        seed: the experiment's seed.

    Raises:
        ValueError: a batch is larger than the set that it is drawn from, or empty.
    """

    def __init__(
        self,
        *,
        num_labeled: int,
        num_pool: int,
        labeled_batch_size: int,
        unlabeled_batch_size: int,
        seed: int,
    ) -> None:
        """Checks the sizes; see the class."""
        if not 1 <= labeled_batch_size <= num_labeled:
            raise ValueError(
                f"labeled_batch_size must lie in [1, {num_labeled}], the number of labeled "
                f"examples. Received: labeled_batch_size={labeled_batch_size}"
            )
        if not 0 <= unlabeled_batch_size <= num_pool:
            raise ValueError(
                f"unlabeled_batch_size must lie in [0, {num_pool}], the size of the pool. "
                f"Received: unlabeled_batch_size={unlabeled_batch_size}"
            )
        self.num_labeled = num_labeled
        self.num_pool = num_pool
        self.labeled_batch_size = labeled_batch_size
        self.unlabeled_batch_size = unlabeled_batch_size
        self.seed = seed

    def indices(self, step: Any, replica: Any = 0, num_replicas: int = 1) -> Draws:
        """This replica's share of a step's batch.

        The shuffle is a CPU operation that XLA cannot compile: call this outside the compiled
        step and pass it the result.

        Args:
            step: global step, integer scalar.
            replica: this replica, integer scalar in [0, num_replicas).
            num_replicas: how many replicas share the batch.

        Raises:
            ValueError: a batch size is not a multiple of num_replicas.
        """
        for name in ("labeled_batch_size", "unlabeled_batch_size"):
            if getattr(self, name) % num_replicas:
                raise ValueError(
                    f"{name} must be a multiple of the number of replicas, {num_replicas}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        # On an accelerator these few numbers would wait for the steps before them.
        with tf.device("CPU:0"):
            slots = _slots(self.labeled_batch_size, replica, num_replicas)
            # A batch of all labeled examples has no order to choose, but several replicas must
            # not each keep the same (perhaps class-sorted) part for ever.
            if self.labeled_batch_size < self.num_labeled or num_replicas > 1:
                slots = self._shuffled(slots, self.num_labeled, "labeled batch", step)
            if not self.unlabeled_batch_size:
                return Draws(slots, None)
            pool_slots = _slots(self.unlabeled_batch_size, replica, num_replicas)
            return Draws(slots, self._shuffled(pool_slots, self.num_pool, "unlabeled batch", step))

    def _shuffled(self, slots: tf.Tensor, size: int, purpose: str, step: Any) -> tf.Tensor:
        # The cipher keeps only the low bits of each of the three words, 8 of them for up to
        # 65,536 examples: the bare step as a word would repeat every batch after 256 steps.
        pair = tf.bitcast(noise.seed_pair(self.seed, purpose, step, 0), tf.int32)
        words = tf.random.stateless_uniform(
            [3], pair, minval=None, maxval=None, dtype=tf.int32, alg="philox"
        )
        return tf.raw_ops.RandomIndexShuffle(
            index=slots, seed=words, max_index=tf.constant(size - 1), rounds=_ROUNDS
        )


class PoolData(NamedTuple):
    """The training examples, on the device; a nest of tensors, so `strategy.run` takes it.

    Attributes:
        image: float32 [num_pool, height, width, channels], scaled.
        label: int32 [num_labeled], of the labeled examples only.
        labeled_in_pool: int32 [num_labeled], where in the pool each labeled example stands.
    """

    image: tf.Tensor
    label: tf.Tensor
    labeled_in_pool: tf.Tensor

    def gather(self, draws: Draws) -> dict[str, dict[str, tf.Tensor]]:
        """Collects a batch: {"labeled": {image, label, index}, "unlabeled": {image, index}}.

        `index` is the position in the pool. Without unlabeled draws the two entries are the same
        dictionary, by which a method knows that one forward pass serves both.
        """
        index = tf.gather(self.labeled_in_pool, draws.labeled)
        labeled = {
            "image": tf.gather(self.image, index),
            "label": tf.gather(self.label, draws.labeled),
            "index": index,
        }
        if draws.unlabeled is None:
            return {"labeled": labeled, "unlabeled": labeled}
        image = tf.gather(self.image, draws.unlabeled)
        return {"labeled": labeled, "unlabeled": {"image": image, "index": draws.unlabeled}}

    def on(self, strategy: tf.distribute.Strategy) -> "PoolData":
        """A copy on every device of the strategy, so that no step copies images between them."""
        if strategy.num_replicas_in_sync == 1:
            with strategy.scope():
                return PoolData(*(tf.identity(tensor) for tensor in self))
        devices = strategy.extended.worker_devices

        def place(tensor: tf.Tensor) -> Any:
            def copy(context: Any) -> tf.Tensor:
                with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                    return tf.identity(tensor)

            return strategy.experimental_distribute_values_from_function(copy)

        return PoolData(*(place(tensor) for tensor in self))


def training_batches(pool: PoolData, sampler: Sampler) -> Iterator[dict[str, dict[str, tf.Tensor]]]:
    """Whole (global) batches from step 0 on, without end and without augmentation, eagerly."""
    for step in itertools.count():
        yield pool.gather(sampler.indices(step))


def _slots(batch_size: int, replica: Any, num_replicas: int) -> tf.Tensor:
    local = batch_size // num_replicas
    return tf.range(local) + tf.cast(replica, tf.int32) * local
