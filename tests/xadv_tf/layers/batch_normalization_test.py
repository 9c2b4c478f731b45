import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf import determinism
from xadv_tf.layers.batch_normalization import BatchNormalization

EPSILON = 2e-5


def draw(shape, seed=0, scale=2.0, shift=3.0):
    return (np.random.default_rng(seed).normal(size=shape) * scale + shift).astype("float32")


def reference(x, epsilon=EPSILON):
    """The normalised input and the batch's mean, biased and unbiased variance, in float64."""
    x = np.asarray(x, "float64")
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    return (x - mean) / np.sqrt(variance + epsilon), mean, variance, x.var(axes, ddof=1)


def reference_gradient(x, upstream, epsilon=EPSILON):
    """With s = sqrt(variance + epsilon), n = (x - mean)/s and upstream g:

    dn_j/dx_i = (delta_ij - 1/N)/s - n_j n_i/(N s), for d(variance)/dx_i = 2(x_i - mean)/N, so
    dx_i = (g_i - mean(g) - n_i mean(g n))/s.
    """
    n, _, variance, _ = reference(x, epsilon)
    g = np.asarray(upstream, "float64")
    axes = tuple(range(g.ndim - 1))
    return (g - g.mean(axes) - n * (g * n).mean(axes)) / np.sqrt(variance + epsilon)


def forward_and_gradient(layer, x, upstream, jit_compile=False):
    if not layer.built:
        layer.build(x.shape)

    @tf.function(jit_compile=jit_compile)
    def run(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, [x, *layer.trainable_variables], upstream)

    return run(tf.constant(x), tf.constant(upstream))


@pytest.mark.parametrize("shape", [(7, 5), (6, 4, 5), (4, 3, 2, 5), (2, 2, 2, 3, 5)])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_batch_statistics_and_gradient(shape, jit_compile):
    x, upstream = draw(shape), draw(shape, seed=1, shift=0.5)
    layer = BatchNormalization()
    y, (gradient,) = forward_and_gradient(layer, x, upstream, jit_compile)
    normalised, mean, _, unbiased = reference(x)
    np.testing.assert_allclose(y, normalised, atol=1e-5)
    np.testing.assert_allclose(gradient, reference_gradient(x, upstream), atol=1e-5)
    # Running update 0.1, from mean 0 and variance 1; the variance is the unbiased one.
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-5)


def test_affine():
    x, upstream = draw((4, 3, 2, 5)), draw((4, 3, 2, 5), seed=1, shift=0.5)
    layer = BatchNormalization(affine=True, epsilon=1e-5)
    layer.build(x.shape)
    gamma, beta = draw(5, seed=2), draw(5, seed=3)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    y, (dx, dgamma, dbeta) = forward_and_gradient(layer, x, upstream)
    normalised = reference(x, 1e-5)[0]
    np.testing.assert_allclose(y, gamma * normalised + beta, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dx, gamma * reference_gradient(x, upstream, 1e-5), atol=1e-5)
    np.testing.assert_allclose(dgamma, (upstream * normalised).sum((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(dbeta, upstream.sum((0, 1, 2)), atol=1e-4)


def test_no_parameters_by_default():
    layer = BatchNormalization()
    layer.build((None, 5))
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 2


@pytest.mark.parametrize("shape", [(4, 5), (4, 3, 2, 5)])
def test_inference_uses_running_statistics(shape):
    x = draw(shape)
    layer = BatchNormalization(epsilon=1e-5)
    layer.build(shape)
    layer.moving_mean.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    layer.moving_variance.assign([1.0, 4.0, 9.0, 0.25, 2.0])
    before = [v.numpy() for v in layer.variables]
    expected = (x - np.arange(1, 6)) / np.sqrt(np.array([1, 4, 9, 0.25, 2]) + 1e-5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    layer.trainable = False  # frozen, as in Keras
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-5, atol=1e-5)
    for old, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


@pytest.mark.parametrize("deterministic", [False, True])
def test_gradient_of_inference_is_that_of_a_linear_map(monkeypatch, deterministic):
    if determinism.is_required() and not deterministic:
        pytest.skip("kernels are deterministic in the tests on a GPU")
    monkeypatch.setattr(determinism, "is_required", lambda: deterministic)
    # y = (x - mean)/sqrt(variance + epsilon), mean and variance constant.
    x = tf.constant(draw((4, 3, 2, 5)))
    layer = BatchNormalization(epsilon=0.5)
    layer.build(x.shape)
    layer.moving_variance.assign([3.5] * 5)  # sqrt(3.5 + 0.5) = 2
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=False)
    np.testing.assert_allclose(tape.gradient(y, x), np.full(x.shape, 0.5), rtol=1e-6)
    # The fused op's gradient at running statistics has no deterministic kernel on GPUs.
    graph = tf.function(lambda x: layer(x, training=False)).get_concrete_function(x).graph
    assert ("FusedBatchNormV3" in {op.type for op in graph.get_operations()}) is not deterministic


def test_stateless_call_with_dropped_state_leaves_statistics_untouched():
    inputs = keras.Input((3, 2, 5))
    outputs = BatchNormalization(affine=True)(inputs)
    model = keras.Model(inputs, outputs)
    x = tf.constant(draw((4, 3, 2, 5)))
    model(x, training=True)
    before = [v.numpy() for v in model.non_trainable_variables]

    @tf.function
    def clean(x):
        trainable = [v.value for v in model.trainable_variables]
        non_trainable = [v.value for v in model.non_trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([x, *trainable])
            y, updated = model.stateless_call(trainable, non_trainable, x, training=True)
        return y, updated, tape.gradient(y, [x, *trainable])

    y, updated, gradients = clean(x)
    np.testing.assert_allclose(y, reference(x)[0], atol=1e-5)
    for old, variable, new in zip(before, model.non_trainable_variables, updated, strict=True):
        np.testing.assert_array_equal(old, variable)
        assert np.all(old != new.numpy())
    assert all(g is not None for g in gradients)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("shape", [(64, 5), (8, 4, 4, 5)])
def test_bfloat16_keeps_float32_statistics(shape, jit_compile):
    x, upstream = draw(shape), draw(shape, seed=1)
    rounded = tf.cast(x, tf.bfloat16)
    layer = BatchNormalization(dtype="mixed_bfloat16")
    y, (gradient,) = forward_and_gradient(
        layer, rounded, tf.cast(upstream, tf.bfloat16), jit_compile
    )
    exact = np.asarray(tf.cast(rounded, tf.float32))
    normalised, mean, _, unbiased = reference(exact)
    assert y.dtype == gradient.dtype == tf.bfloat16
    assert {v.dtype for v in layer.variables} == {"float32"}
    # The statistics have float32's error, the output only its rounding to 8 bits.
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-5)
    np.testing.assert_allclose(tf.cast(y, tf.float32), normalised, rtol=2**-8, atol=1e-2)
    np.testing.assert_allclose(
        tf.cast(gradient, tf.float32), reference_gradient(exact, upstream), atol=3e-2
    )


def test_float64_is_exact():
    x, upstream = draw((4, 3, 2, 5)).astype("float64"), draw((4, 3, 2, 5), 1).astype("float64")
    layer = BatchNormalization(dtype="float64")
    y, (gradient,) = forward_and_gradient(layer, x, upstream)
    np.testing.assert_allclose(y, reference(x)[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, reference_gradient(x, upstream), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        layer(x),
        (x - layer.moving_mean.numpy()) / np.sqrt(layer.moving_variance.numpy() + EPSILON),
        rtol=1e-12,
    )


def test_batch_of_one_is_finite():
    # The unbiased variance of one value is 0/0; it counts as 0.
    layer = BatchNormalization()
    x = draw((1, 5))
    y, _ = forward_and_gradient(layer, x, draw((1, 5)))
    # Exactly 0 on a CPU. A GPU subtracts the scaled mean from the scaled x, of which each is
    # rounded; the scale of a variance of 0 is 1/sqrt(epsilon).
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    rounding = on_gpu * 2.0**-23 * np.max(np.abs(x)) / np.sqrt(EPSILON)
    np.testing.assert_allclose(y, np.zeros((1, 5)), atol=rounding)
    np.testing.assert_allclose(layer.moving_variance, np.full(5, 0.9), rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 5), (8, 3, 2, 5)])
def test_two_replicas_equal_one(shape):
    # A mean of 1,000 deviations would cost E[x^2] - E[x]^2 all its digits. The replicas hold
    # 3 and 5 of the 8 examples: the count is summed, not multiplied.
    x, upstream = draw(shape, shift=100.0), draw(shape, seed=1, shift=0.5)
    one = BatchNormalization(affine=True)
    y_one, gradients_one = forward_and_gradient(one, x, upstream)

    strategy = two_replicas()
    with strategy.scope():
        two = BatchNormalization(affine=True, synchronized=True)
        two.build(shape)

    def split(value):
        parts = (value[:3], value[3:])
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    @tf.function
    def run(x, upstream):
        def step(x, upstream):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = two(x, training=True)
            return y, tape.gradient(y, [x, *(v.value for v in two.trainable_variables)], upstream)

        return strategy.run(step, args=(x, upstream))

    y_two, gradients_two = run(split(x), split(upstream))
    local = strategy.experimental_local_results
    np.testing.assert_allclose(np.concatenate(local(y_two)), y_one, atol=1e-4)
    dx, dgamma, dbeta = gradients_two
    np.testing.assert_allclose(np.concatenate(local(dx)), gradients_one[0], atol=1e-4)
    np.testing.assert_allclose(sum(local(dgamma)), gradients_one[1], atol=1e-3)
    np.testing.assert_allclose(sum(local(dbeta)), gradients_one[2], atol=1e-4)
    for name in ("moving_mean", "moving_variance"):
        first, second = local(getattr(two, name).value)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, getattr(one, name), rtol=1e-5)


def test_replicas_are_apart_without_synchronisation():
    x = draw((8, 5))
    strategy = two_replicas()
    with strategy.scope():
        layer = BatchNormalization()
        layer.build(x.shape)
    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(x, 2)[context.replica_id_in_sync_group])
    )
    y = strategy.run(lambda x: layer(x, training=True), args=(halves,))
    for got, half in zip(strategy.experimental_local_results(y), np.split(x, 2), strict=True):
        np.testing.assert_allclose(got, reference(half)[0], atol=1e-5)


# Keras itself hands its variables to NumPy by a deprecated way.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_saved_model_is_the_same(tmp_path):
    inputs = keras.Input((3, 2, 5))
    layer = BatchNormalization(momentum=0.5, epsilon=1e-3, affine=True, synchronized=True)
    model = keras.Model(inputs, layer(inputs))
    x = draw((4, 3, 2, 5))
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].get_config() == layer.get_config()
    np.testing.assert_array_equal(loaded(x), model(x))


def test_errors():
    with pytest.raises(ValueError, match=r"momentum must lie in .*Received: momentum=1.5"):
        BatchNormalization(momentum=1.5)
    with pytest.raises(ValueError, match=r"epsilon must be positive. Received: epsilon=0.0"):
        BatchNormalization(epsilon=0.0)
    with pytest.raises(ValueError, match=r"must be known. Received: input_shape=\(4, None\)"):
        BatchNormalization().build((4, None))
