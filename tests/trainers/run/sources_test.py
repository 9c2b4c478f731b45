"""Both sources give the batches that the sampler draws; streaming_test compares whole runs."""

import numpy as np
import pytest
import tensorflow as tf
from tests_support import store

from trainers.run import sources
from xadv_tf import data

_POOL = data.PoolData(
    image=tf.reshape(tf.range(12, dtype=tf.float32), (12, 1, 1, 1)),
    label=tf.constant([0, 1, 0, 1]),
    labeled_in_pool=tf.constant([0, 3, 6, 9]),
)


@pytest.mark.parametrize("step", [0, 5])
def test_images_in_memory_are_gathered_at_what_is_drawn(step):
    sampler = data.Sampler(
        num_labeled=4, num_pool=12, labeled_batch_size=2, unlabeled_batch_size=3, seed=1
    )
    strategy = tf.distribute.get_strategy()
    source = sources.of(_POOL, sampler, strategy)
    opened = source.open(step, 1)
    moves = source.fetch(opened, tf.constant(step, tf.int64))
    batch = strategy.run(lambda *fetched: source.gather(*source.draw(*fetched)), args=moves)
    expected = _POOL.gather(sampler.indices(step))
    for part in ("labeled", "unlabeled"):
        np.testing.assert_array_equal(batch[part]["image"], expected[part]["image"])
        # Images hold their own place in the pool.
        np.testing.assert_array_equal(np.ravel(batch[part]["image"]), batch[part]["index"])


@pytest.mark.parametrize("unlabeled", [3, 0])
def test_streamed_images_are_those_that_are_drawn(tmp_path, unlabeled):
    images = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)
    streamed = store(tmp_path, images, np.zeros(12, np.uint8))
    pool = data.StreamedPool(
        image=streamed.scaled(lambda image: tf.cast(image, tf.float32)),
        label=_POOL.label,
        labeled_in_pool=_POOL.labeled_in_pool,
    )
    sampler = data.Sampler(
        num_labeled=4, num_pool=12, labeled_batch_size=2, unlabeled_batch_size=unlabeled, seed=1
    )
    strategy = tf.distribute.get_strategy()
    source = sources.of(pool, sampler, strategy)
    opened = iter(source.open(5, 2))
    for step in (5, 6):
        moves = source.fetch(opened, tf.constant(step, tf.int64))
        batch = strategy.run(lambda *fetched: source.gather(*source.draw(*fetched)), args=moves)
        expected = _POOL.gather(sampler.indices(step))
        for part in ("labeled", "unlabeled"):
            np.testing.assert_array_equal(batch[part]["image"], expected[part]["image"])
        # Of one batch there is one copy.
        assert (batch["unlabeled"] is batch["labeled"]) == (unlabeled == 0)
