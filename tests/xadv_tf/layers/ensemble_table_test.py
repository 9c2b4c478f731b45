import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.layers import EnsembleTable


def _draw(seed, size=4):
    return np.random.default_rng(seed).dirichlet(np.ones(3), size).astype("float32")


def test_constant_predictions_are_their_own_targets():
    table, z = EnsembleTable(4, 3, momentum=0.6), _draw(0)
    index = tf.range(4)
    for epoch, raw in enumerate((0.0, 0.4, 0.64, 0.784)):
        target, known = table.target(index, epoch)
        average, *_ = table._folded(index, epoch)
        np.testing.assert_allclose(average, raw * z, rtol=1e-5)
        assert np.all(known.numpy() == (epoch > 0))
        np.testing.assert_allclose(target, z if epoch else 0.0 * z, rtol=1e-5)
        table.update(index, epoch, z)


def test_equals_the_published_algorithm_over_epochs():
    # Algorithm 2: after every epoch Z = .6 Z + .4 z for the whole set, target Z / (1 - .6^t);
    # here in two batches an epoch, in another order each time.
    table = EnsembleTable(4, 3, momentum=0.6)
    total = np.zeros((4, 3))
    for epoch in range(4):
        z, order = _draw(epoch), np.random.default_rng(epoch).permutation(4)
        for batch in (order[:2], order[2:]):
            target, known = table.target(batch, epoch)
            if epoch:
                np.testing.assert_allclose(target, total[batch] / (1 - 0.6**epoch), rtol=1e-5)
            table.update(tf.constant(batch), epoch, z[batch])
        total = 0.6 * total + 0.4 * z


def test_the_last_of_several_visits_counts_and_missed_epochs_do_not():
    table, index = EnsembleTable(4, 3, momentum=0.5), tf.constant([2])
    early, late, next_one = _draw(1, 1), _draw(2, 1), _draw(3, 1)
    table.update(index, 0, early)
    assert not table.target(index, 0)[1][0]  # Not before the epoch is over.
    table.update(index, 0, late)
    np.testing.assert_allclose(table.target(index, 1)[0], late, rtol=1e-5)
    table.update(index, 5, next_one)  # Epochs 1 to 4 passed without a visit: nothing decayed.
    expected = (0.25 * late + 0.5 * next_one) / 0.75
    np.testing.assert_allclose(table.target(index, 6)[0], expected, rtol=1e-5)
    np.testing.assert_array_equal(table.state.numpy()[[0, 1, 3]], 0.0)


def test_equal_indices_keep_the_first_prediction():
    table, z = EnsembleTable(4, 3), _draw(0, 3)
    table.update(tf.constant([1, 3, 1]), 0, z)
    target, known = table.target(tf.range(4), 1)
    np.testing.assert_array_equal(known, [False, True, False, True])
    np.testing.assert_allclose(tf.gather(target, [1, 3]), z[:2], rtol=1e-5)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match=f"Received: momentum={momentum}"):
        EnsembleTable(4, 3, momentum=momentum)


def test_every_replica_notes_the_predictions_of_all():
    with two_replicas().scope():
        table = EnsembleTable(4, 3)
    z = _draw(0)

    def note():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        index = tf.where(replica == 0, [0, 1], [2, 3])
        table.update(index, 0, tf.gather(z, index))

    table.state.value.distribute_strategy.run(tf.function(note, autograph=False))
    for mirror in table.state.value.values:
        np.testing.assert_array_equal(mirror[:, 3:6], z)


def test_config_round_trip():
    table = EnsembleTable(4, 3, momentum=0.25, name="mine")
    again = EnsembleTable.from_config(table.get_config())
    assert (again.num_examples, again.num_classes, again.momentum) == (4, 3, 0.25)
    assert again.get_config() == table.get_config()
