import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.layers.perturbation_table import PerturbationTable


def test_rows_are_those_of_the_indices():
    table = PerturbationTable(5, (2, 3, 1), seed=1)
    rows = table(tf.constant([4, 0, 4]))
    np.testing.assert_array_equal(rows, table.log_alpha.numpy()[[4, 0, 4]])


def test_default_is_standard_normal_and_repeats_with_its_seed():
    first, again, other = (PerturbationTable(100, (10, 10), seed=s).log_alpha for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    # 10,000 draws: the mean's standard error is 0.01, the deviation's 0.007; five of each.
    assert abs(np.mean(first)) < 0.05
    assert abs(np.std(first) - 1.0) < 0.035


def test_initializer_by_name():
    assert not np.any(PerturbationTable(3, (2,), initializer="zeros").log_alpha.numpy())


def test_gradient_is_sparse_and_is_the_coefficient_of_the_row():
    # d/d log_alpha of sum_i c_i * rows_i is c_i at row index_i.
    table = PerturbationTable(4, (2,), initializer="zeros")
    with tf.GradientTape() as tape:
        rows = table(tf.constant([3, 1]))
        total = tf.reduce_sum(tf.constant([[1.0, 2.0], [3.0, 4.0]]) * rows)
    gradient = tape.gradient(total, table.log_alpha.value)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(gradient), [[0, 0], [3.0, 4.0], [0, 0], [1.0, 2.0]]
    )


def test_float32_under_mixed_precision():
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        table = PerturbationTable(4, (2,))
        assert table.log_alpha.dtype == "float32"
        assert table(tf.constant([1])).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy(previous)


def test_stateless_call_takes_rows_of_the_given_table():
    table = PerturbationTable(2, (1,), initializer="zeros")
    rows, _ = table.stateless_call([tf.constant([[5.0], [6.0]])], [], tf.constant([1]))
    np.testing.assert_array_equal(rows, [[6.0]])


def test_mirrored_table_is_gathered_without_reading_it():
    strategy = two_replicas()
    with strategy.scope():
        table = PerturbationTable(1000, (2,))

    def replica_step():
        return table(tf.constant([7]))

    step = tf.function(lambda: strategy.run(replica_step))
    reads = {"ReadVariableOp", "GatherV2"}
    assert not reads & {op.type for op in step.get_concrete_function().graph.get_operations()}
    for rows in strategy.experimental_local_results(step()):
        np.testing.assert_array_equal(rows, table.log_alpha.numpy()[[7]])


def test_config_round_trip():
    table = PerturbationTable(3, (2, 2), initializer="ones", seed=4, name="mask")
    config = table.get_config()
    again = PerturbationTable.from_config(config)
    assert again.get_config() == config
    np.testing.assert_array_equal(again.log_alpha, np.ones((3, 2, 2)))


def test_an_empty_table_is_an_error():
    with pytest.raises(ValueError, match="at least 1. Received: num_examples=0"):
        PerturbationTable(0, (2,))


@pytest.mark.parametrize("wrong", [-1, 5, 100])
def test_an_index_of_no_row_is_an_error(wrong):
    # TensorFlow would give zeros for it on a GPU.
    table = PerturbationTable(5, (2,))
    for index in (np.array([0, wrong]), np.array([wrong, 4]), tf.constant([wrong], tf.int64)):
        with pytest.raises(ValueError, match=rf"\[0, 5\).*Received: index {wrong}\b"):
            table(index)
