"""The batch of a step, as a function of (seed, step).

`Sampler` decides which examples a step sees, `PoolData` holds them on the device and collects
them. There is no epoch and no iterator, hence nothing to save: step 1000 draws the same examples
in a resumed run as in one that was never interrupted.
"""

import functools
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
        labeled: int32 [local labeled batch], positions among the labeled examples; None where the
            batch comes from the pool alone.
        unlabeled: int32 [local unlabeled batch], positions in the pool; None in supervised
            training.
    """

    labeled: tf.Tensor | None
    unlabeled: tf.Tensor | None


class Sampler:
    """Draws every batch from a permutation, labeled and unlabeled independently.

    No example comes twice in a batch, but any may come again in the next, as in the released xVAT.
    With `epochwise` none comes twice in an epoch either, and an epoch leaves out the examples that
    would not fill its last batch, as in Laine & Aila 2017. Only this replica's elements of the
    permutation are computed, so a draw costs O(batch) however large the pool is.

    Args:
        num_labeled: number of labeled examples.
        num_pool: number of examples in the unlabeled pool.
        labeled_batch_size: labeled examples a step, over all replicas; 0 means that a batch comes
            from the pool alone, with those labels that are known.
        unlabeled_batch_size: unlabeled examples a step, over all replicas; 0 means supervised
            training, where one batch serves as both.
        seed: the experiment's seed.
        joined: make one batch of the labeled and unlabeled examples, for networks and losses that
            must see them together (see `collect`).
        epochwise: draw each example at most once an epoch.

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
        joined: bool = False,
        epochwise: bool = False,
    ) -> None:
        """Checks the sizes; see the class."""
        if not (0 if unlabeled_batch_size else 1) <= labeled_batch_size <= num_labeled:
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
        self.joined = joined and labeled_batch_size > 0 and unlabeled_batch_size > 0
        self.epochwise = epochwise

    def indices(
        self, step: Any, replica: Any = 0, num_replicas: int = 1, *, seed: Any = None
    ) -> Draws:
        """This replica's share of a step's batch.

        The shuffle is a CPU operation that XLA cannot compile: call this outside the compiled
        step and pass it the result.

        Args:
            step: global step, integer scalar.
            replica: this replica, integer scalar in [0, num_replicas).
            num_replicas: how many replicas share the batch.
            seed: the sampler's own as `noise.seed_words`, where it is not to be a constant of a
                compiled graph.

        Raises:
            ValueError: a batch size is not a multiple of num_replicas.
        """
        for name in ("labeled_batch_size", "unlabeled_batch_size"):
            if getattr(self, name) % num_replicas:
                raise ValueError(
                    f"{name} must be a multiple of the number of replicas, {num_replicas}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        shuffled = functools.partial(
            self._shuffled, step=step, seed=self.seed if seed is None else seed
        )
        # On an accelerator these few numbers would wait for the steps before them.
        with tf.device("CPU:0"):
            labeled, unlabeled = None, None
            if self.labeled_batch_size:
                labeled = _slots(self.labeled_batch_size, replica, num_replicas)
                # A batch of all labeled examples has no order to choose, but several replicas must
                # not each keep the same (perhaps class-sorted) part for ever.
                if self.labeled_batch_size < self.num_labeled or num_replicas > 1:
                    labeled = shuffled(
                        labeled, self.labeled_batch_size, self.num_labeled, "labeled"
                    )
            if self.unlabeled_batch_size:
                slots = _slots(self.unlabeled_batch_size, replica, num_replicas)
                unlabeled = shuffled(slots, self.unlabeled_batch_size, self.num_pool, "unlabeled")
            return Draws(labeled, unlabeled)

    def _shuffled(
        self, slots: tf.Tensor, batch_size: int, size: int, which: str, *, step: Any, seed: Any
    ) -> tf.Tensor:
        """What stands at these slots of a batch of a step."""
        if self.epochwise:
            batches = size // batch_size
            step = tf.cast(step, tf.int64)
            slots += tf.cast(step % batches, tf.int32) * batch_size
            step = step // batches  # One permutation serves an epoch.
        # The cipher keeps only the low bits of each of the three words, 8 of them for up to
        # 65,536 examples: the bare step as a word would repeat every batch after 256 steps.
        pair = tf.bitcast(noise.seed_pair(seed, f"{which} batch", step, 0), tf.int32)
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
        pool_label: int32 [num_pool], -1 where there is no label; only batches that come from the
            pool alone need it.
    """

    image: tf.Tensor
    label: tf.Tensor
    labeled_in_pool: tf.Tensor
    pool_label: tf.Tensor | None = None

    def images_at(self, positions: tf.Tensor) -> tf.Tensor:
        """The images at these positions in the pool, int32 [n]."""
        return tf.gather(self.image, positions)

    def gather(self, draws: Draws, *, joined: bool = False) -> dict[str, dict[str, tf.Tensor]]:
        """Collects a batch: see `collect`."""
        return collect(self, draws, joined=joined)

    def on(self, strategy: tf.distribute.Strategy) -> "PoolData":
        """A copy on every device of the strategy, so that no step copies images between them."""
        if strategy.num_replicas_in_sync == 1:
            with strategy.scope():
                return self._each(tf.identity)
        devices = strategy.extended.worker_devices

        def place(tensor: tf.Tensor) -> Any:
            def copy(context: Any) -> tf.Tensor:
                with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                    return tf.identity(tensor)

            return strategy.experimental_distribute_values_from_function(copy)

        return self._each(place)

    def _each(self, place: Any) -> "PoolData":
        return PoolData(*(None if tensor is None else place(tensor) for tensor in self))


def collect(pool: Any, draws: Draws, *, joined: bool) -> dict[str, dict[str, tf.Tensor]]:
    """A batch: {"labeled": {image, label, index}, "unlabeled": {image, index}}.

    `index` is the position in the pool. Where all examples are labeled and unlabeled at once, the
    two entries are the same dictionary, which tells a method that one forward pass serves both: in
    supervised training, with draws from the pool alone, and with `joined`, where the labeled
    examples stand before the unlabeled ones. The label is -1 where there is none, and where the
    example was drawn as an unlabeled one.

    Args:
        pool: a `PoolData`, or what has its labels and its images_at.
        draws: from `Sampler.indices`.
        joined: see `Sampler`.
    """

    def one_batch(labels: tf.Tensor, index: tf.Tensor) -> dict[str, Any]:
        examples = {"image": pool.images_at(index), "label": labels, "index": index}
        return {"labeled": examples, "unlabeled": examples}

    if draws.labeled is None:
        return one_batch(tf.gather(pool.pool_label, draws.unlabeled), draws.unlabeled)
    index = tf.gather(pool.labeled_in_pool, draws.labeled)
    labels = tf.gather(pool.label, draws.labeled)
    if draws.unlabeled is None:
        return one_batch(labels, index)
    if joined:
        hidden = tf.fill(tf.shape(draws.unlabeled), -1)
        both = tf.concat([index, draws.unlabeled], axis=0)
        return one_batch(tf.concat([labels, hidden], axis=0), both)
    image = pool.images_at(draws.unlabeled)
    return {
        "labeled": {"image": pool.images_at(index), "label": labels, "index": index},
        "unlabeled": {"image": image, "index": draws.unlabeled},
    }


def training_batches(pool: Any, sampler: Sampler) -> Iterator[dict[str, dict[str, tf.Tensor]]]:
    """Whole (global) batches from step 0 on, without end and without augmentation, eagerly."""
    for step in itertools.count():
        yield pool.gather(sampler.indices(step), joined=sampler.joined)


def _slots(batch_size: int, replica: Any, num_replicas: int) -> tf.Tensor:
    local = batch_size // num_replicas
    return tf.range(local) + tf.cast(replica, tf.int32) * local
