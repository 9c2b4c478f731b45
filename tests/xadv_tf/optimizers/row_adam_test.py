import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.local_variables import gather_rows
from xadv_tf.optimizers import Adam, RowAdam

ROWS, WIDTH, BATCH = 2000, 4, 50


def _batches(steps, seed=1, rows=ROWS, batch=BATCH):
    """Indices with skewed frequencies, from thousands of visits to none; duplicates occur."""
    random = np.random.default_rng(seed)
    probability = 1.0 / np.arange(1, rows + 1)
    probability /= probability.sum()
    return random.choice(rows, (steps, batch), p=probability).astype(np.int32)


def _problem(rows=ROWS):
    """Coefficients and phases of a gradient that depends on the row: c * cos(3 (row - phase))."""
    random = np.random.default_rng(2)
    scale = 10.0 ** random.uniform(-9, -4, size=(rows, 1))  # epsilon is 1e-8
    phase = random.normal(size=(rows, WIDTH))
    return tf.constant(scale, tf.float32), tf.constant(phase, tf.float32)


def _gradient(rows, index, problem):
    scale, phase = problem
    return tf.gather(scale, index) * tf.cos(3.0 * (rows - tf.gather(phase, index)))


def _row_step(optimizer, table, problem, jit=False):
    def step(index):
        with tf.GradientTape() as tape:
            rows = gather_rows(table, index) + optimizer.drift(table, index)
            # The derivative of <stop_gradient(g), rows> with respect to the rows is g.
            total = tf.reduce_sum(tf.stop_gradient(_gradient(rows, index, problem)) * rows)
        optimizer.apply([tape.gradient(total, table.value)], [table])

    return tf.function(step, jit_compile=jit)


def _dense_step(optimizer, table, problem):
    def step(index):
        values = _gradient(gather_rows(table, index), index, problem)
        gradient = tf.scatter_nd(index[:, None], values, list(table.shape))
        optimizer.apply([gradient], [table])

    return tf.function(step)


def _make(kind, rows=ROWS, learning_rate=1e-3, **arguments):
    table = keras.Variable(np.zeros((rows, WIDTH), np.float32))
    optimizer = kind(learning_rate, **arguments)
    optimizer.build([table])
    return table, optimizer


def _assert_equal_moves(moved, expected, rtol=1e-3):
    """Relative to what the entry moved, which began at zero; near zero, to 1e-5 (lr is 1e-3)."""
    np.testing.assert_allclose(moved, expected, rtol=rtol, atol=rtol * 1e-5)


def test_equals_dense_adam():
    problem = _problem()
    dense, adam = _make(Adam)
    table, row_adam = _make(RowAdam)
    dense_step, row_step = _dense_step(adam, dense, problem), _row_step(row_adam, table, problem)
    for index in _batches(300):
        dense_step(tf.constant(index))
        row_step(tf.constant(index))
    every = np.arange(ROWS)
    present = table + row_adam.drift(table, every)
    assert np.abs(dense).max() > 0.1  # a hundred learning rates: there is something to compare
    _assert_equal_moves(present, dense.numpy())

    row_adam.flush(table)
    np.testing.assert_allclose(table.numpy(), present, rtol=1e-6, atol=1e-9)  # roundings
    assert not np.any(row_adam.drift(table, every))
    # Training goes on after the flush.
    for index in _batches(20, seed=3):
        dense_step(tf.constant(index))
        row_step(tf.constant(index))
    row_adam.flush(table)
    _assert_equal_moves(table.numpy(), dense.numpy())


@pytest.mark.parametrize("visit", [1, 2, 5, 30, 1000])
@pytest.mark.parametrize("idle", [1, 3, 12, 500])
def test_drift_is_the_sum_over_the_idle_steps(visit, idle):
    # One row visited at step s = `visit` alone, from m and v spanning the range around epsilon,
    # where the quadrature is worst. The sum is that of the docstring, in float64.
    m = np.full(60, 1e-6)
    v = np.logspace(-22, -6, 60)
    table = keras.Variable(np.zeros((1, 60), np.float32))
    optimizer = RowAdam(0.1)
    optimizer.build([table])
    optimizer._momentums[0].assign(m[None])
    optimizer._velocities[0].assign(v[None])
    optimizer._last_visits[0].assign([visit])
    optimizer.iterations.assign(visit + idle)
    expected = 0.0
    for j in range(1, idle + 1):
        t = visit + j
        root = np.sqrt(0.999**j * v / (1 - 0.999**t))
        expected -= 0.1 * 0.9**j * m / (1 - 0.9**t) / (root + 1e-8)
    drift = optimizer.drift(table, [0])[0]
    np.testing.assert_allclose(drift, expected, rtol=5e-4 if visit < 20 else 5e-5)


def test_rows_never_visited_do_not_move():
    table, optimizer = _make(RowAdam, rows=3)
    for _ in range(4):
        gradient = tf.IndexedSlices(tf.ones([1, WIDTH]), tf.constant([1]), table.shape)
        optimizer.apply([gradient], [table])
    optimizer.flush(table)
    assert not np.any(table.numpy()[[0, 2]])
    # A constant gradient: each step is the learning rate.
    np.testing.assert_allclose(table.numpy()[1], -4e-3, rtol=1e-5)


def test_duplicates_count_with_their_sum():
    shape = tf.constant([3, WIDTH])
    single, alone = _make(RowAdam, rows=3)
    double, other = _make(RowAdam, rows=3)
    for scale in (1.0, -0.3, 0.2):
        values = scale * tf.constant([[1.0], [2.0], [3.0], [4.0]]) * tf.ones([4, WIDTH])
        other.apply([tf.IndexedSlices(values, tf.constant([2, 0, 2, 2]), shape)], [double])
        # 1 + 3 + 4 = 8 for row 2.
        values = scale * tf.constant([[8.0], [2.0]]) * tf.ones([2, WIDTH])
        alone.apply([tf.IndexedSlices(values, tf.constant([2, 0]), shape)], [single])
    np.testing.assert_allclose(double.numpy(), single.numpy(), rtol=1e-6)
    np.testing.assert_allclose(other._velocities[0], alone._velocities[0], rtol=1e-6)


def test_jit_equals_graph():
    problem = _problem()
    results = []
    for jit in (False, True):
        table, optimizer = _make(RowAdam)
        step = _row_step(optimizer, table, problem, jit)
        for index in _batches(20):
            step(tf.constant(index))
        optimizer.flush(table)
        results.append(table.numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-8)


def test_learning_rate_schedule_and_lower_beta_1_in_the_idle_steps():
    problem = _problem(100)
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-3, 120, 1e-4)
    dense, adam = _make(Adam, 100, schedule)
    table, row_adam = _make(RowAdam, 100, schedule)
    dense_step, row_step = _dense_step(adam, dense, problem), _row_step(row_adam, table, problem)
    for t, index in enumerate(_batches(100, rows=100, batch=5)):
        if t == 50:
            row_adam.flush(table)  # idle steps take the present beta_1
            adam.beta_1.assign(0.5)
            row_adam.beta_1.assign(0.5)
        dense_step(tf.constant(index))
        row_step(tf.constant(index))
    row_adam.flush(table)
    _assert_equal_moves(table.numpy(), dense.numpy())


def test_without_momentum_nothing_drifts():
    table, optimizer = _make(RowAdam, rows=3, beta_1=0.0)
    gradient = tf.IndexedSlices(tf.ones([1, WIDTH]), tf.constant([1]), table.shape)
    optimizer.apply([gradient], [table])
    optimizer.iterations.assign(7)
    np.testing.assert_array_equal(optimizer.drift(table, [0, 1]), np.zeros((2, WIDTH)))


def test_the_drift_is_a_constant():
    # Whatever the rows' loss differentiates, the optimizer's own state has no part in it.
    table, optimizer = _make(RowAdam, rows=3)
    optimizer._momentums[0].assign(np.ones((3, WIDTH)))
    optimizer.iterations.assign(5)
    momentum = optimizer._momentums[0].value
    with tf.GradientTape() as tape:
        tape.watch(momentum)
        drift = optimizer.drift(table, [1])
    assert np.all(drift.numpy() != 0.0)
    assert tape.gradient(drift, momentum) is None


def test_two_replicas_equal_one():
    strategy = two_replicas()
    problem = _problem()
    with strategy.scope():
        mirrored, optimizer = _make(RowAdam)

    def replica_step(index):
        half = tf.reshape(index, [2, BATCH // 2])
        half = tf.gather(half, tf.distribute.get_replica_context().replica_id_in_sync_group)
        _row_step(optimizer, mirrored, problem).python_function(half)

    step = tf.function(lambda index: strategy.run(replica_step, args=(index,)))
    table, alone = _make(RowAdam)
    single = _row_step(alone, table, problem)
    for index in _batches(12):
        step(tf.constant(index))
        single(tf.constant(index))
    pairs = [(mirrored, table)]
    for name in ("_momentums", "_velocities", "_last_visits"):
        pairs.append((getattr(optimizer, name)[0], getattr(alone, name)[0]))
    for both, one in pairs:
        first, second = strategy.experimental_local_results(both.value)
        np.testing.assert_array_equal(first, second)
        # Duplicates are summed in another order.
        np.testing.assert_allclose(first, one.numpy(), rtol=1e-5, atol=1e-9)
    optimizer.flush(mirrored)
    alone.flush(table)
    first, second = strategy.experimental_local_results(mirrored.value)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, table.numpy(), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("jit", [False, True])
def test_no_op_of_the_step_has_an_output_of_all_rows(jit):
    problem = tf.ones([1, 1]), tf.zeros([1, WIDTH])
    table, optimizer = _make(RowAdam)
    step = _row_step(optimizer, table, problem, jit)
    graph = step.get_concrete_function(tf.zeros([BATCH], tf.int32)).graph
    graphs = [graph]
    for function in graph.as_graph_def().library.function:
        graphs.append(graph._get_function(function.signature.name).graph)
    outputs = [output for g in graphs for op in g.get_operations() for output in op.outputs]
    assert len(outputs) > 100
    assert not [o for o in outputs if o.shape.rank and ROWS in o.shape.as_list()]


@pytest.mark.filterwarnings("default")
def test_checkpoint_restores_the_whole_state(tmp_path):
    problem = _problem()
    batches = [tf.constant(index) for index in _batches(10)]
    table, optimizer = _make(RowAdam)
    checkpoint = tf.train.Checkpoint(table=table, optimizer=optimizer)
    step = _row_step(optimizer, table, problem)
    for index in batches[:5]:
        step(index)
    path = checkpoint.write(str(tmp_path / "state"))
    for index in batches[5:]:
        step(index)

    again, restored = _make(RowAdam)
    tf.train.Checkpoint(table=again, optimizer=restored).read(path).assert_consumed()
    step = _row_step(restored, again, problem)
    for index in batches[5:]:
        step(index)
    np.testing.assert_array_equal(again, table)


def test_config_round_trip():
    optimizer = RowAdam(2e-3, beta_1=0.5, beta_2=0.99, epsilon=1e-6, name="mine")
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, RowAdam)
    assert again.get_config() == optimizer.get_config()


def test_dense_gradient_is_an_error():
    table, optimizer = _make(RowAdam, rows=3)
    with pytest.raises(TypeError, match="a tf.IndexedSlices. Received: gradient="):
        optimizer.apply([tf.zeros([3, WIDTH])], [table])


def test_beta_1_beyond_the_root_of_beta_2_is_an_error():
    with pytest.raises(ValueError, match=r"less than sqrt\(beta_2\). Received: beta_1=0.9"):
        RowAdam(beta_1=0.9, beta_2=0.8)
