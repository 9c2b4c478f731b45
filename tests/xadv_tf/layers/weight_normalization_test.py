import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.layers import WeightNormConv2D, WeightNormConv2DTranspose, WeightNormDense
from xadv_tf.layers.data_initialization import data_initialization

# layer, input shape
LAYERS = {
    "dense": (lambda **kwargs: WeightNormDense(3, seed=1, **kwargs), (16, 5)),
    "conv": (lambda **kwargs: WeightNormConv2D(3, 3, seed=1, **kwargs), (6, 7, 5, 2)),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def _make(name, **kwargs):
    make, shape = LAYERS[name]
    layer = make(**kwargs)
    layer.build(shape)
    return layer, tf.random.stateless_normal(shape, [1, 2], mean=1.5)


def _plain(layer, x):
    """W x in float64, with W = g V / ||V||."""
    v = layer.v.numpy().astype("float64")
    w = layer.g.numpy() * v / np.sqrt(np.sum(v**2, axis=tuple(range(v.ndim - 1))))
    if v.ndim == 2:
        return x.numpy() @ w
    return tf.nn.conv2d(tf.cast(x, tf.float64), w, 1, "VALID").numpy()


@every_layer
def test_output_in_training_and_inference(name):
    layer, x = _make(name)
    layer.g.assign([0.5, 2.0, -1.0])
    layer.b.assign([1.0, 0.0, 3.0])
    plain = _plain(layer, x)
    mean = np.mean(plain, axis=tuple(range(plain.ndim - 1)))
    np.testing.assert_allclose(
        layer(x, training=True), plain - mean + layer.b.numpy(), rtol=1e-4, atol=1e-5
    )
    # The running mean, from 0, has moved by a thousandth of the way.
    np.testing.assert_allclose(layer.moving_mean, 1e-3 * mean, rtol=1e-4)
    layer.moving_mean.assign([0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        layer(x), plain - [0.1, 0.2, 0.3] + layer.b.numpy(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("steps", "share"), [(1000, 0.632), (5000, 0.993)])
def test_running_mean_is_not_bias_corrected(steps, share):
    layer, x = _make("dense")
    mean = np.mean(_plain(layer, x), axis=0)

    @tf.function(autograph=False)
    def run():
        body = lambda i: (layer(x, training=True), i + 1)[1:]  # noqa: E731
        tf.while_loop(lambda i: i < steps, body, (tf.constant(0),))

    run()
    np.testing.assert_allclose(layer.moving_mean / mean, share, atol=1e-3)


@every_layer
@pytest.mark.parametrize("mean_only", [True, False])
def test_initialization_from_data(name, mean_only):
    layer, x = _make(name, mean_only_batch_norm=mean_only, initial_stddev=0.5)
    layer.b.assign([1.0, 2.0, 3.0])
    with data_initialization():
        y = layer(x, training=True).numpy()
    axes = tuple(range(y.ndim - 1))
    np.testing.assert_allclose(np.mean(y, axis=axes), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.std(y, axis=axes), 0.5, rtol=1e-5)
    np.testing.assert_allclose(layer(x, training=True), y, atol=1e-6)
    if mean_only:
        np.testing.assert_array_equal(layer.b, np.zeros(3))


def test_initialization_leaves_the_running_mean():
    layer, x = _make("dense")
    with data_initialization():
        layer(x, training=True)
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(3))


def test_gradient_is_orthogonal_to_v_and_blind_to_the_mean():
    # ||V|| does not change W, so dL/dV . V = 0 for each unit; the mean takes away what all
    # examples share, so a loss that sums a unit's outputs moves neither g nor V.
    layer, x = _make("dense")
    upstream = tf.random.stateless_normal((16, 3), [3, 4])
    with tf.GradientTape(persistent=True) as tape:
        y = layer(x, training=True)
        loss, total = tf.reduce_sum(upstream * y), tf.reduce_sum(y)
    dv = tape.gradient(loss, layer.v.value)
    np.testing.assert_allclose(tf.reduce_sum(dv * layer.v, axis=0), 0.0, atol=1e-4)
    assert np.all(np.abs(tape.gradient(loss, layer.g.value)) > 1e-3)
    np.testing.assert_allclose(tape.gradient(total, layer.g.value), 0.0, atol=1e-4)
    np.testing.assert_allclose(tape.gradient(total, layer.b.value), 16.0)


def test_frozen_scale():
    layer, _ = _make("dense", train_scale=False, mean_only_batch_norm=False)
    assert [variable.name for variable in layer.trainable_variables] == ["v", "b"]


def test_two_replicas_share_the_mean():
    strategy = two_replicas()
    with strategy.scope():
        layer, x = _make("dense", synchronized=True)
    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(x, 2)[context.replica_id_in_sync_group]
    )
    one, _ = _make("dense")
    expected = one(x, training=True)
    run = tf.function(
        lambda x: strategy.run(lambda x: layer(x, training=True), (x,)), autograph=False
    )
    received = tf.concat(strategy.experimental_local_results(run(halves)), axis=0)
    np.testing.assert_allclose(received, expected, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), one.moving_mean.numpy(), rtol=1e-5)


@every_layer
def test_config_and_shape(name):
    layer, x = _make(name, momentum=0.9, train_scale=False)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.compute_output_shape(x.shape) == layer(x).shape
    if name == "conv":
        for strides, padding in ((2, "same"), (2, "valid")):
            layer = WeightNormConv2D(3, 3, strides=strides, padding=padding)
            assert layer.compute_output_shape(x.shape) == layer(x).shape


def test_out_of_range():
    for wrong in ({"initial_stddev": 0.0}, {"momentum": 1.1}):
        ((argument, value),) = wrong.items()
        with pytest.raises(ValueError, match=f"Received: {argument}={value}"):
            WeightNormDense(3, **wrong)
    with pytest.raises(ValueError, match="Received: 0"):
        WeightNormDense(0)


def test_mixed_precision_keeps_float32_weights():
    layer = WeightNormDense(3, dtype="mixed_bfloat16")
    y = layer(tf.ones((4, 5), tf.bfloat16), training=True)
    assert y.dtype == tf.bfloat16
    assert {keras.backend.standardize_dtype(v.dtype) for v in layer.weights} == {"float32"}


@pytest.mark.parametrize("strides", [1, 2])
def test_transposed_convolution_is_keras_s_with_the_normalised_kernel(strides):
    layer = WeightNormConv2DTranspose(
        2, 5, strides=strides, padding="same", mean_only_batch_norm=False, seed=1
    )
    x = tf.random.stateless_normal((3, 4, 6, 5), [1, 2])
    assert layer(x).shape == layer.compute_output_shape(x.shape) == (3, 4 * strides, 6 * strides, 2)
    layer.g.assign([0.5, 2.0])
    layer.b.assign([1.0, -1.0])
    v = layer.v.numpy()
    kernel = np.array([0.5, 2.0]) * v / np.sqrt(np.sum(v**2, axis=(0, 1, 2)))
    keras_layer = keras.layers.Conv2DTranspose(2, 5, strides=strides, padding="same")
    keras_layer.build(x.shape)
    keras_layer.set_weights([np.swapaxes(kernel, 2, 3), np.array([1.0, -1.0])])
    np.testing.assert_allclose(layer(x), keras_layer(x), atol=1e-5)


@pytest.mark.parametrize("mean_only", [True, False])
def test_initialization_of_a_unit_that_is_the_same_for_all(mean_only):
    # Its variance 0 counts as 1e-12: g = 1/2 / 1e-6, and the output is finite.
    layer, x = _make("dense", mean_only_batch_norm=mean_only, initial_stddev=0.5)
    with data_initialization():
        y = layer(tf.zeros_like(x), training=True)
    np.testing.assert_allclose(layer.g, np.full(3, 0.5e6), rtol=1e-5)
    np.testing.assert_array_equal(y, np.zeros((16, 3)))


def test_a_frozen_layer_predicts_in_training_too():
    layer, x = _make("dense")
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True), layer(x))
    np.testing.assert_array_equal(layer.moving_mean, [1.0, 2.0, 3.0])
