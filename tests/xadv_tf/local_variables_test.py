import keras
import numpy as np
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.local_variables import gather_rows, local_variable


def test_a_plain_variable_is_its_own():
    variable = keras.Variable([1.0, 2.0])
    assert local_variable(variable) is variable.value
    assert local_variable(variable.value) is variable.value


def test_within_a_stateless_scope_it_is_the_scopes_tensor():
    variable = keras.Variable([[1.0], [2.0]])
    with keras.StatelessScope([(variable, tf.constant([[3.0], [4.0]]))]):
        np.testing.assert_array_equal(gather_rows(variable, [1]), [[4.0]])


def test_each_replica_writes_and_reads_its_own_copy():
    strategy = two_replicas()
    with strategy.scope():
        variable = keras.Variable(np.zeros((3, 1), np.float32))

    def write_and_read():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        mine = local_variable(variable)
        mine.scatter_update(tf.IndexedSlices([[1.0 + tf.cast(replica, tf.float32)]], [2]))
        return gather_rows(variable, [2, 0])

    rows = strategy.run(tf.function(write_and_read))
    for replica, received in enumerate(strategy.experimental_local_results(rows)):
        np.testing.assert_array_equal(received, [[1.0 + replica], [0.0]])
    # Outside of replicas it is the first one's.
    np.testing.assert_array_equal(gather_rows(variable, [2]), [[1.0]])


def test_the_gradient_of_rows_is_as_small_as_they_are():
    variable = keras.Variable(np.ones((5, 2), np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(gather_rows(variable, [4, 1]) ** 2)
    gradient = tape.gradient(total, variable.value)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.values, np.full((2, 2), 2.0))
    np.testing.assert_array_equal(gradient.indices, [4, 1])
