import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.data.batches import Draws, PoolData, Sampler


def _sampler(**changes):
    arguments = {
        "num_labeled": 40,
        "num_pool": 3000,
        "labeled_batch_size": 8,
        "unlabeled_batch_size": 20,
        "seed": 1,
    }
    return Sampler(**(arguments | changes))


def _unlabeled(sampler, num_steps):
    @tf.function
    def draw(steps):
        def unlabeled(step):
            return sampler.indices(step).unlabeled

        return tf.map_fn(unlabeled, steps)

    return draw(tf.range(num_steps)).numpy()


def test_a_batch_holds_no_example_twice_and_only_valid_ones():
    sampler = _sampler(unlabeled_batch_size=3000)
    draws = sampler.indices(5)
    np.testing.assert_array_equal(np.sort(draws.unlabeled), np.arange(3000))
    assert len(set(draws.labeled.numpy())) == 8
    assert min(draws.labeled.numpy()) >= 0 and max(draws.labeled.numpy()) < 40
    assert draws.labeled.dtype == draws.unlabeled.dtype == tf.int32


def test_seed_and_step_decide():
    first = _sampler().indices(7)
    for same in (_sampler().indices(tf.constant(7)), _sampler().indices(tf.constant(7, tf.int64))):
        np.testing.assert_array_equal(first.labeled, same.labeled)
        np.testing.assert_array_equal(first.unlabeled, same.unlabeled)
    for other in (_sampler().indices(8), _sampler(seed=2).indices(7)):
        assert not np.array_equal(first.labeled, other.labeled)
        assert not np.array_equal(first.unlabeled, other.unlabeled)


def test_labeled_and_unlabeled_are_independent():
    draws = _sampler(num_labeled=3000, labeled_batch_size=20).indices(0)
    assert not np.array_equal(draws.labeled, draws.unlabeled)


def test_batches_do_not_repeat_after_a_power_of_two_steps():
    # TensorFlow's shuffle with the bare step in its seed repeats every batch after 256 steps.
    batches = _unlabeled(_sampler(), 1100)
    assert len({tuple(batch) for batch in batches}) == 1100


def test_slots_are_uniform_and_uncorrelated():
    # 2,000 steps of 20 slots over 60,000 examples. Standardised, a slot has mean 0 and variance 1,
    # so every correlation below is N(0, 1/2000): 190 pairs of slots inside a batch and 20 x 5
    # pairs of a slot with itself some steps on. 4.5 standard deviations: false alarm 2e-3.
    # With four rounds of the cipher the pairs reach 40.
    num_steps = 2000
    batches = _unlabeled(_sampler(num_pool=60000), num_steps)
    unit = (batches - 59999 / 2) / np.sqrt((60000**2 - 1) / 12)
    assert np.abs(unit.mean(axis=0)).max() < 4.5 / np.sqrt(num_steps)
    pairs = unit.T @ unit / num_steps
    assert np.abs(pairs[np.triu_indices(20, 1)]).max() < 4.5 / np.sqrt(num_steps)
    for lag in (1, 2, 16, 256, 512):
        later = (unit[:-lag] * unit[lag:]).mean(axis=0)
        assert np.abs(later).max() < 4.5 / np.sqrt(num_steps - lag)


def test_every_example_is_drawn_equally_often():
    # 1,500 draws of 20 out of 3,000 give each example 10 on average; the sum over examples of
    # (count - 10)^2 / (10 (1 - 20/3000)) is chi-squared with 2,999 degrees of freedom, whose
    # standard deviation is sqrt(2 x 2,999) = 77.4.
    counts = np.bincount(_unlabeled(_sampler(), 1500).ravel(), minlength=3000)
    statistic = np.square(counts - 10).sum() / (10 * (1 - 20 / 3000))
    assert abs(statistic - 2999) < 4 * 77.4


def test_an_epoch_holds_each_example_at_most_once():
    # 43 examples make 2 batches of 20 an epoch; 3 stay out, other ones in another epoch.
    sampler = _sampler(num_pool=43, epochwise=True)
    epochs = _unlabeled(sampler, 20).reshape(10, 40)
    assert all(len(set(epoch)) == 40 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 10
    assert len({tuple(set(range(43)) - set(epoch)) for epoch in epochs}) > 1
    # Five batches of 8 hold all 40 labeled examples.
    labeled = [sampler.indices(step).labeled for step in range(5)]
    np.testing.assert_array_equal(np.sort(np.concatenate(labeled)), np.arange(40))
    halves = [sampler.indices(3, replica, 2).unlabeled for replica in range(2)]
    np.testing.assert_array_equal(np.concatenate(halves), sampler.indices(3).unlabeled)


def test_replicas_share_the_batch_of_one():
    # Also when the batch is the whole labeled set: replicas must not keep the same part for ever.
    sampler = _sampler(labeled_batch_size=8)
    whole = sampler.indices(3)
    parts = [sampler.indices(3, tf.constant(replica), 4) for replica in range(4)]
    np.testing.assert_array_equal(np.concatenate([p.labeled for p in parts]), whole.labeled)
    np.testing.assert_array_equal(np.concatenate([p.unlabeled for p in parts]), whole.unlabeled)


def test_a_batch_of_all_labels_is_shuffled_only_between_replicas():
    sampler = _sampler(num_labeled=8)
    np.testing.assert_array_equal(sampler.indices(3).labeled, np.arange(8))
    shares = [sampler.indices(step, 0, 2).labeled.numpy() for step in range(20)]
    assert len({tuple(np.sort(share)) for share in shares}) > 1
    halves = [sampler.indices(3, replica, 2).labeled for replica in range(2)]
    np.testing.assert_array_equal(np.sort(np.concatenate(halves)), np.arange(8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labeled_batch_size": 41}, r"\[1, 40\], .* Received: labeled_batch_size=41"),
        (
            {"labeled_batch_size": 0, "unlabeled_batch_size": 0},
            r"Received: labeled_batch_size=0",
        ),
        ({"unlabeled_batch_size": 3001}, r"\[0, 3000\], .* Received: unlabeled_batch_size=3001"),
        ({"unlabeled_batch_size": -1}, r"Received: unlabeled_batch_size=-1"),
    ],
)
def test_sizes_must_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        _sampler(**changes)


@pytest.mark.parametrize("name", ["labeled_batch_size", "unlabeled_batch_size"])
def test_replicas_must_divide_the_batches(name):
    with pytest.raises(ValueError, match=rf"number of replicas, 2\. Received: {name}=7"):
        _sampler(**{name: 7}).indices(0, 0, 2)


def _pool():
    # Ten images of 2 x 2 whose pixels say which they are; examples 1, 4 and 8 carry a label.
    image = tf.reshape(tf.repeat(tf.range(10.0), 4), [10, 2, 2, 1])
    pool_label = tf.scatter_nd([[1], [4], [8]], [6, 7, 8], [10]) - 1
    return PoolData(image, tf.constant([5, 6, 7]), tf.constant([1, 4, 8]), pool_label)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gather_collects_images_labels_and_positions(jit_compile):
    draws = Draws(tf.constant([2, 0]), tf.constant([9, 1, 3]))
    gather = tf.function(lambda pool, draws: pool.gather(draws), jit_compile=jit_compile)
    batch = gather(_pool(), draws)
    np.testing.assert_array_equal(batch["labeled"]["index"], [8, 1])
    np.testing.assert_array_equal(batch["labeled"]["label"], [7, 5])
    np.testing.assert_array_equal(batch["labeled"]["image"][:, 0, 0, 0], [8, 1])
    np.testing.assert_array_equal(batch["unlabeled"]["index"], [9, 1, 3])
    np.testing.assert_array_equal(batch["unlabeled"]["image"][:, 1, 1, 0], [9, 1, 3])
    assert set(batch["unlabeled"]) == {"image", "index"}


def test_supervised_training_has_one_batch():
    draws = _sampler(unlabeled_batch_size=0, num_labeled=3, labeled_batch_size=2).indices(0)
    assert draws.unlabeled is None
    batch = _pool().gather(draws)
    assert batch["unlabeled"] is batch["labeled"]


def test_a_batch_of_the_pool_has_the_labels_that_are_known():
    draws = _sampler(num_labeled=3, num_pool=10, labeled_batch_size=0, unlabeled_batch_size=10)
    batch = _pool().gather(draws.indices(0))
    assert batch["unlabeled"] is batch["labeled"]
    order = np.argsort(batch["labeled"]["index"])
    labels = batch["labeled"]["label"].numpy()[order]
    np.testing.assert_array_equal(labels, [-1, 5, -1, -1, 6, -1, -1, -1, 7, -1])
    images = batch["labeled"]["image"].numpy()[order]
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(10))


def test_a_joined_batch_hides_the_labels_of_what_was_drawn_as_unlabeled():
    batch = _pool().gather(Draws(tf.constant([2, 0]), tf.constant([9, 1, 3])), joined=True)
    assert batch["unlabeled"] is batch["labeled"]
    np.testing.assert_array_equal(batch["labeled"]["index"], [8, 1, 9, 1, 3])
    np.testing.assert_array_equal(batch["labeled"]["label"], [7, 5, -1, -1, -1])
    np.testing.assert_array_equal(batch["labeled"]["image"][:, 1, 0, 0], [8, 1, 9, 1, 3])


@pytest.mark.parametrize("unlabeled_batch_size", [0, 4])
def test_two_replicas_gather_what_one_does(unlabeled_batch_size):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    pool = _pool().on(strategy)
    sampler = _sampler(
        num_labeled=3,
        num_pool=10,
        labeled_batch_size=2,
        unlabeled_batch_size=unlabeled_batch_size,
    )
    compiled = tf.function(lambda pool, draws: pool.gather(draws), jit_compile=True)

    def replica_step(pool, step):
        context = tf.distribute.get_replica_context()
        draws = sampler.indices(step, context.replica_id_in_sync_group, 2)
        return compiled(pool, draws)["unlabeled"]["image"]

    @tf.function
    def step(pool, number):
        return strategy.run(replica_step, args=(pool, number))

    parts = strategy.experimental_local_results(step(pool, tf.constant(3)))
    whole = _pool().gather(sampler.indices(3, 0, 1))["unlabeled"]["image"]
    np.testing.assert_array_equal(tf.concat(parts, axis=0), whole)


def test_each_device_holds_a_copy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    copies = strategy.experimental_local_results(_pool().on(strategy).image)
    assert [copy.device[-5:] for copy in copies] == ["CPU:0", "CPU:1"]


@pytest.mark.parametrize(
    "make", [tf.distribute.get_strategy, lambda: tf.distribute.OneDeviceStrategy("CPU:0")]
)
def test_one_device_needs_no_mirror(make):
    pool = _pool().on(make())
    np.testing.assert_array_equal(pool.label, [5, 6, 7])
