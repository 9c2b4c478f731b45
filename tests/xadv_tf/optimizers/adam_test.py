import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.optimizers import Adam, schedules


def _reference(start, gradients, learning_rate, beta_1_of_step, beta_2, epsilon):
    """Kingma & Ba 2015, Algorithm 1, in float64."""
    value, m, v = np.array(start, np.float64), 0.0, 0.0
    for t, gradient in enumerate(gradients, 1):
        beta_1 = beta_1_of_step(t)
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        value -= learning_rate * m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    return value


def _step(optimizer, variable, mode):
    def step(gradient):
        optimizer.apply([gradient], [variable])

    if mode == "eager":
        return step
    return tf.function(step, jit_compile=mode == "jit")


@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
def test_first_step_by_hand(mode):
    # At t = 1 m_hat = g and v_hat = g^2, so the step is learning_rate * g / (|g| + epsilon):
    # half the learning rate for g = epsilon, the whole for a large g.
    variable = keras.Variable([0.0, 0.0, 0.0])
    optimizer = Adam(1e-2)
    optimizer.build([variable])
    _step(optimizer, variable, mode)(tf.constant([1e-8, -1e-8, 3.0]))
    np.testing.assert_allclose(variable.numpy(), [-0.5e-2, 0.5e-2, -1e-2], rtol=1e-5)


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
def test_equals_the_algorithm_with_beta_1_changed_after_tracing(mode, scheduled):
    random = np.random.default_rng(1)
    scale = 10.0 ** random.uniform(-9, 0, size=(1, 20))  # from below epsilon to far above
    gradients = random.normal(size=(60, 20)) * scale
    variable = keras.Variable(np.zeros(20, np.float32))
    # Step 31 is the first of the fourth ten.
    schedule = schedules.EpochSwitch(0.9, 0.5, start=3, steps_per_epoch=10)
    optimizer = Adam(1e-3, beta_1=schedule if scheduled else 0.9)
    optimizer.build([variable])
    step = _step(optimizer, variable, mode)
    for t, gradient in enumerate(gradients, 1):
        if t == 31 and not scheduled:
            optimizer.beta_1.assign(0.5)
        step(tf.constant(gradient, tf.float32))
    expected = _reference(
        np.zeros(20), gradients, 1e-3, lambda t: 0.9 if t < 31 else 0.5, 0.999, 1e-8
    )
    # 60 additions of float32: the error stays within some roundings of the largest entry.
    np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5 * np.abs(expected).max())
    assert (
        np.abs(
            variable - _reference(np.zeros(20), gradients, 1e-3, lambda t: 0.9, 0.999, 1e-8)
        ).max()
        > 1e-3
    )


def test_one_fused_op_a_variable():
    variables = [keras.Variable(np.zeros(n, np.float32)) for n in (2, 3)]
    optimizer = Adam()
    optimizer.build(variables)
    step = tf.function(lambda a, b: optimizer.apply([a, b], variables))
    graph = step.get_concrete_function(tf.zeros(2), tf.zeros(3)).graph
    operations = graph.get_operations()
    assert [op.type for op in operations].count("ResourceApplyAdam") == 2


def test_sparse_gradient_counts_as_dense():
    dense, sparse = (keras.Variable(np.zeros((3, 2), np.float32)) for _ in range(2))
    gradient = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1]), tf.constant([3, 2]))
    for variable, value in ((dense, tf.convert_to_tensor(gradient)), (sparse, gradient)):
        optimizer = Adam()
        for _ in range(3):
            optimizer.apply([value], [variable])
    np.testing.assert_array_equal(dense, sparse)


def test_learning_rate_schedule():
    # Constant gradient, so each step is its learning rate: 0.3 + 0.2 + 0.1.
    schedule = keras.optimizers.schedules.PolynomialDecay(0.3, 3, 0.0)
    variable = keras.Variable([0.0])
    optimizer = Adam(schedule)
    for _ in range(3):
        optimizer.apply([tf.constant([1.0])], [variable])
    np.testing.assert_allclose(variable.numpy(), [-0.6], rtol=1e-5)


def test_two_replicas_equal_one():
    strategy = two_replicas()
    random = np.random.default_rng(2)
    gradients = random.normal(size=(10, 2, 5)).astype(np.float32)
    with strategy.scope():
        mirrored = keras.Variable(np.zeros(5, np.float32))
        optimizer = Adam()
        optimizer.build([mirrored])

    def replica_step(both):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        optimizer.apply([tf.gather(both, replica)], [mirrored])

    step = tf.function(lambda both: strategy.run(replica_step, args=(both,)))
    single, alone = keras.Variable(np.zeros(5, np.float32)), Adam()
    for t, both in enumerate(gradients):
        if t == 5:
            optimizer.beta_1.assign(0.5)
            alone.beta_1.assign(0.5)
        step(tf.constant(both))
        alone.apply([tf.constant(both.sum(0))], [single])
    first, second = strategy.experimental_local_results(mirrored.value)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, single, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("default")
def test_checkpoint_restores_the_whole_state(tmp_path):
    def make():
        variable = keras.Variable([1.0, 2.0])
        optimizer = Adam()
        optimizer.build([variable])
        return variable, optimizer, tf.train.Checkpoint(variable=variable, optimizer=optimizer)

    variable, optimizer, checkpoint = make()
    optimizer.beta_1.assign(0.5)
    gradients = [tf.constant([0.1, -1.0]), tf.constant([0.3, 0.2])]
    optimizer.apply([gradients[0]], [variable])
    path = checkpoint.write(str(tmp_path / "state"))
    optimizer.apply([gradients[1]], [variable])

    again, restored, checkpoint = make()
    checkpoint.read(path).assert_consumed()
    restored.apply([gradients[1]], [again])
    np.testing.assert_array_equal(again, variable)
    assert float(restored.beta_1) == 0.5


def test_config_round_trip():
    optimizer = Adam(2e-3, beta_1=0.5, beta_2=0.99, epsilon=1e-6, name="mine")
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, Adam)
    assert again.get_config() == optimizer.get_config()
    assert again.get_config()["beta_1"] == 0.5


@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
def test_epsilon_within_the_root(mode):
    # Salimans et al. 2016: m_hat / sqrt(v_hat + epsilon), with gradients below and above 1e-4.
    random = np.random.default_rng(1)
    gradients = random.normal(size=(30, 20)) * 10.0 ** random.uniform(-6, 0, size=(1, 20))
    variable = keras.Variable(np.zeros(20, np.float32))
    optimizer = Adam(1e-3, beta_1=0.5, epsilon_in_root=True)
    optimizer.build([variable])
    step = _step(optimizer, variable, mode)
    x, m, v = np.zeros(20), 0.0, 0.0
    for t, gradient in enumerate(gradients, 1):
        step(tf.constant(gradient, tf.float32))
        m, v = 0.5 * m + 0.5 * gradient, 0.999 * v + 0.001 * gradient**2
        x -= 1e-3 * m / (1 - 0.5**t) / np.sqrt(v / (1 - 0.999**t) + 1e-8)
    np.testing.assert_allclose(variable.numpy(), x, rtol=1e-4, atol=1e-6 * np.abs(x).max())
    outside = _reference(np.zeros(20), gradients, 1e-3, lambda t: 0.5, 0.999, 1e-8)
    assert np.abs(x - outside).max() > 1e-3
    assert Adam.from_config(optimizer.get_config()).epsilon_in_root


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta_1": 1.0}, r"beta_1 must be in \[0, 1\). Received: beta_1=1.0"),
        ({"beta_2": 0.0}, r"beta_2 must be in \(0, 1\). Received: beta_2=0.0"),
        ({"epsilon": 0.0}, "epsilon must be positive. Received: epsilon=0.0"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        Adam(**arguments)


def test_beta_2_changed_on_schedule():
    random = np.random.default_rng(1)
    gradients = random.normal(size=(12, 5))
    schedule = schedules.EpochSwitch(0.9, 0.99, start=1, steps_per_epoch=6)
    variable = keras.Variable(np.zeros(5, np.float32))
    optimizer = Adam(1e-1, beta_1=0.5, beta_2=schedule)
    optimizer.build([variable])
    step = _step(optimizer, variable, "graph")
    x, m, v = np.zeros(5), np.zeros(5), np.zeros(5)
    for t, gradient in enumerate(gradients, 1):
        step(tf.constant(gradient, tf.float32))
        beta_2 = 0.9 if t <= 6 else 0.99
        m, v = 0.5 * m + 0.5 * gradient, beta_2 * v + (1 - beta_2) * gradient**2
        x -= 0.1 * m / (1 - 0.5**t) / (np.sqrt(v / (1 - beta_2**t)) + 1e-8)
    np.testing.assert_allclose(variable.numpy(), x, rtol=1e-4)
    again = Adam.from_config(optimizer.get_config())
    assert again._beta_2_schedule.get_config() == schedule.get_config()


def test_a_scheduled_beta_1_survives_the_config():
    schedule = schedules.EpochSwitch(0.9, 0.5, start=3, steps_per_epoch=10)
    again = Adam.from_config(Adam(beta_1=schedule).get_config())
    assert again._beta_1_schedule.get_config() == schedule.get_config()
    assert Adam.from_config(Adam(beta_1=0.7).get_config()).beta_1.numpy() == np.float32(0.7)
