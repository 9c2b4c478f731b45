import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.layers import NormalizedStage

X = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")


def _stage(**kwargs):
    return NormalizedStage(keras.layers.Dense(4, use_bias=False), **kwargs)


def _z():
    stage = _stage()
    stage(X)
    linear = X @ stage.linear.kernel.numpy()
    return stage, linear, (linear - linear.mean(0)) / linear.std(0)


def test_standardize_gives_z_and_what_it_was_made_from():
    stage, linear, z = _z()
    received, mean, deviation, unbiased = stage.standardize(tf.constant(linear))
    np.testing.assert_allclose(received, z, atol=1e-5)
    np.testing.assert_allclose(mean, linear.mean(0), atol=1e-6)
    np.testing.assert_allclose(deviation, linear.std(0), rtol=1e-5)
    np.testing.assert_allclose(unbiased, linear.var(0, ddof=1), rtol=1e-5)
    np.testing.assert_array_equal(stage.statistics.moving_mean, 0.0)


@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
def test_activate_shifts_scales_and_bends(slope):
    # c (z + b) with b = (0, 1, 0, 1), c = 2, and negative values times the slope.
    stage = _stage(negative_slope=slope, gain=True)
    stage(X)
    stage.b.assign([0.0, 1.0, 0.0, 1.0])
    stage.c.assign([2.0] * 4)
    received = stage.activate(tf.constant([[3.0, 3.0, -3.0, -3.0]]))
    np.testing.assert_allclose(received, [[6.0, 8.0, -6.0 * slope, -4.0 * slope]], rtol=1e-6)


def test_as_a_layer_it_normalises_by_the_batch_or_by_running_statistics():
    stage, linear, z = _z()
    np.testing.assert_allclose(stage(X, training=True), np.maximum(z, 0.0), atol=1e-5)
    np.testing.assert_allclose(stage.statistics.moving_mean, 0.1 * linear.mean(0), atol=1e-6)
    stage.statistics.moving_mean.assign(linear.mean(0))
    stage.statistics.moving_variance.assign(linear.var(0))
    np.testing.assert_allclose(stage(X), np.maximum(z, 0.0), atol=1e-5)


def test_pooling_is_a_stage_too():
    image = np.random.default_rng(1).normal(size=(4, 5, 5, 2)).astype("float32")
    pool = keras.layers.MaxPooling2D(2, padding="same")
    stage = NormalizedStage(pool, negative_slope=1.0, bias=False)
    output = stage(image, training=True).numpy()
    assert output.shape == (4, 3, 3, 2)
    np.testing.assert_allclose(output.mean((0, 1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(output.std((0, 1, 2)), 1.0, atol=1e-5)
    assert stage.trainable_variables == []


def test_bfloat16_keeps_statistics_and_z_in_float32():
    stage = NormalizedStage(
        keras.layers.Dense(4, use_bias=False, dtype="mixed_bfloat16"), dtype="mixed_bfloat16"
    )
    assert stage(X, training=True).dtype == tf.bfloat16
    linear = stage.linear(X)
    assert linear.dtype == tf.bfloat16
    assert {value.dtype for value in stage.standardize(linear)} == {tf.float32}
    assert {v.dtype for v in stage.statistics.weights} == {"float32"}


def test_config_round_trip():
    stage = _stage(negative_slope=0.1, gain=True, bias=False, momentum=0.5, synchronized=True)
    again = NormalizedStage.from_config(stage.get_config())
    assert again.get_config() == stage.get_config()


@pytest.mark.parametrize("training", [True, False])
def test_the_epsilon_is_the_ladders(training):
    # Of deviation 1e-4 a batch of (-1, 1) becomes 1 / sqrt(1 + 1e-10 / 1e-8) = .995037, where
    # batch normalisation's 2e-5 would leave .022.
    stage = _stage(negative_slope=1.0, bias=False)
    x = tf.constant([[-1e-4], [1e-4]])
    stage.build(x.shape)
    stage.linear.kernel.assign(np.ones((1, 4)))
    stage.statistics.moving_variance.assign([1e-8] * 4)
    expected = np.tile([[-0.995037], [0.995037]], (1, 4))
    np.testing.assert_allclose(stage(x, training=training), expected, rtol=1e-5)
    if training:
        np.testing.assert_allclose(
            stage.standardize(x @ stage.linear.kernel)[0], expected, rtol=1e-5
        )
