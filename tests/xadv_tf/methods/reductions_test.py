"""Sums over replicas: two of them against one that holds the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.methods import reductions


def _on_two(function):
    """What each of two replicas returns for its number, 0 or 1."""
    strategy = two_replicas()

    @tf.function(autograph=False)
    def run():
        context = tf.distribute.get_replica_context
        return strategy.run(lambda: function(context().replica_id_in_sync_group))

    returned = run()
    return [
        tf.nest.map_structure(
            lambda v, i=i: strategy.experimental_local_results(v)[i].numpy(), returned
        )
        for i in range(2)
    ]


def test_shares_sum_to_the_mean_over_the_global_batch():
    # The replicas hold 1 and 5, 6, 9: the mean is 21 / 4, and each share that of its examples.
    def reduce(replica):
        mine = tf.cond(replica == 0, lambda: tf.constant([1.0]), lambda: tf.constant([5.0, 6, 9]))
        return reductions.shares_of_global_means({"each": mine, "same": tf.constant(7.0)}, 2)

    assert _on_two(reduce) == [
        {"each": 1.0 / 4.0, "same": 3.5}, {"each": pytest.approx(20.0 / 4.0), "same": 3.5}
    ]  # fmt: skip
    assert reductions.num_replicas() == 1
    with two_replicas().scope():
        assert reductions.num_replicas() == 2


def test_a_replica_without_examples_has_no_share():
    def reduce(replica):
        return reductions.shares_of_global_means({"each": tf.fill([2 * replica], 3.0)}, 2)

    assert _on_two(reduce) == [{"each": 0.0}, {"each": 3.0}]


def test_norms_and_sums_of_dense_gradients():
    # Replicas have (3, 0) and (0, 4): the sum (3, 4) has norm 5, where the parts have 3 and 4.
    def reduce(replica):
        mine = tf.where(replica == 0, [3.0, 0.0], [0.0, 4.0])
        norm, (total, nothing) = reductions.norm_and_sums([mine, None], 2)
        assert nothing is None
        return norm, total

    for norm, total in _on_two(reduce):
        assert norm == pytest.approx(5.0)
        np.testing.assert_allclose(total, [3.0, 4.0])


def test_rows_of_a_table_are_gathered_and_add_their_squares():
    # Row 0 of the first replica has (3,), row 1 of the second (4,).
    def reduce(replica):
        values = tf.reshape(3.0 + tf.cast(replica, tf.float32), [1, 1])
        rows = tf.IndexedSlices(values, tf.reshape(replica, [1]), tf.constant([2, 1]))
        norm, (gathered,) = reductions.norm_and_sums([rows], 2)
        return norm, tf.convert_to_tensor(gathered)

    for norm, table in _on_two(reduce):
        assert norm == pytest.approx(5.0)
        np.testing.assert_array_equal(table, [[3.0], [4.0]])


def test_one_replica_keeps_its_gradients():
    gradients = [tf.constant([3.0]), tf.constant([4.0])]
    norm, same = reductions.norm_and_sums(gradients, 1)
    assert float(norm) == 5.0
    assert all(one is other for one, other in zip(gradients, same, strict=True))


def test_nothing_has_the_norm_0():
    norm, same = reductions.norm_and_sums([None, None], 2)
    assert (float(norm), same) == (0.0, [None, None])


def test_logs_are_summed_by_name():
    def reduce(replica):
        replica = tf.cast(replica, tf.float32)
        return reductions.sum_over_replicas({"a": 1.0 + replica, "b": 10.0 + replica}, 2)

    for logs in _on_two(reduce):
        assert logs == {"a": 3.0, "b": 21.0}
    one = {"a": tf.constant(1.0)}
    assert reductions.sum_over_replicas(one, 1) == one


def test_what_keras_does_in_a_branch_is_refused_on_several_replicas():
    for arguments in (
        {"gradient_accumulation_steps": 2},
        {"use_ema": True, "ema_overwrite_frequency": 3},
    ):
        optimizer = keras.optimizers.SGD(0.1, **arguments)
        reductions.take_sums(optimizer)
        name, value = list(arguments.items())[-1]
        received = f"{name} must be None .*Received: {name}={value}, 2 replicas"
        with two_replicas().scope(), pytest.raises(ValueError, match=received):
            reductions.take_sums(optimizer)
