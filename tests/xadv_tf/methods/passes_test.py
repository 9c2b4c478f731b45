"""Passes in training mode: their noise, what they leave behind, and how they are shared."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import Jitter, two_replicas

from xadv_tf import noise
from xadv_tf.layers import WeightNormDense
from xadv_tf.methods import MLE, passes


@pytest.mark.parametrize("layer", [keras.layers.GaussianNoise, keras.layers.Dropout])
def test_keras_noise_layers_draw_by_step_replica_and_purpose(layer):
    strategy = two_replicas()
    with strategy.scope():
        classifier = keras.Sequential([keras.layers.Input((50,)), layer(0.5)])
        method = MLE(classifier)
    image = tf.ones((1, 50))

    def draw(purpose):
        run = tf.function(lambda: strategy.run(method.forward, (image, purpose)), autograph=False)
        return [value.numpy() for value in strategy.experimental_local_results(run())]

    one, other = draw("a")
    assert np.any(one != other) and np.any(one != draw("b")[0])
    np.testing.assert_array_equal(one, draw("a")[0])
    np.testing.assert_array_equal(one, method.forward(image, "a"))
    compiled = tf.function(lambda: method.forward(image, "a"), jit_compile=True, autograph=False)
    assert np.std(compiled()) == pytest.approx(np.std(one), rel=0.5)  # By XLA's own algorithm.
    method.step.assign_add(1)
    assert np.any(one != draw("a")[0])


def _seed(purpose):
    return noise.seed_pair(1, purpose, 0, 0)


def _normalizing():
    dense = keras.layers.Dense(2, use_bias=False)
    normalization = keras.layers.BatchNormalization(momentum=0.75)
    return keras.Sequential([keras.layers.Input((3,)), dense, normalization])


X = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, -1.0]], np.float32)


def test_running_statistics_follow_only_who_asks():
    model = _normalizing()
    mean = np.mean(model.layers[0](X), axis=0)
    passes.training_pass(model, X, _seed, "a")
    np.testing.assert_array_equal(model.layers[1].moving_mean, np.zeros(2))
    passes.training_pass(model, X, _seed, "a", update_statistics=True)
    np.testing.assert_allclose(model.layers[1].moving_mean, 0.25 * mean, rtol=1e-5)


def test_batch_statistics_are_used_either_way():
    model = _normalizing()
    for update in (False, True):
        output = passes.training_pass(model, X, _seed, "a", update_statistics=update)
        np.testing.assert_allclose(np.mean(output, axis=0), np.zeros(2), atol=1e-5)


@pytest.mark.parametrize("fixed", [False, True])
def test_fixed_weights_have_no_gradient_but_images_do(fixed):
    # d sum(x W) / dx is the sum of W over its outputs, for every image.
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    image, kernel = tf.constant(X), model.layers[0].kernel
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(passes.training_pass(model, image, _seed, "a", fixed=fixed))
    to_image, to_kernel = tape.gradient(total, [image, kernel.value])
    np.testing.assert_allclose(to_image, np.tile(np.sum(kernel.numpy(), 1), (2, 1)), rtol=1e-5)
    assert (to_kernel is None) is fixed


def test_noise_is_of_the_purpose_and_of_the_layers_place():
    # Two layers of one kind draw differently; neither remembers having drawn.
    first, second = Jitter(1.0), Jitter(1.0)
    model = keras.Sequential([keras.layers.Input((50,)), first, second])
    zeros = tf.zeros((1, 50))
    one, again, other = (passes.training_pass(model, zeros, _seed, p) for p in ("a", "a", "b"))
    np.testing.assert_array_equal(one, again)
    assert np.all(one != other)
    for i in range(2):
        seeds = [noise.normal([1, 50], _seed(f"a/{j}")) for j in (0, 1)]
        np.testing.assert_allclose(one, seeds[0] + seeds[1], rtol=1e-5, atol=1e-6)
        assert np.any(seeds[i] != seeds[1 - i])
    before = first.seed_generator.state.numpy()
    passes.training_pass(model, zeros, _seed, "a", update_statistics=True)
    np.testing.assert_array_equal(first.seed_generator.state, before)


class Counting(keras.layers.Layer):
    """Counts its calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x


def test_shared_passes_are_made_once_for_equal_arguments():
    counting = Counting()
    model = keras.Sequential([keras.layers.Input((3,)), counting])
    counting.calls = 0
    shared, image = passes.SharedPasses(), tf.constant(X)
    one = shared(model, image, _seed, "a")
    assert shared(model, image, _seed, "a") is one
    assert shared(model, image, _seed, "a", update_statistics=True) is one
    assert counting.calls == 1
    # Another purpose, image, model or way to pass is another pass.
    twin = keras.Sequential([keras.layers.Input((3,)), counting])
    calls = counting.calls
    for arguments, options in (
        ((model, image, _seed, "b"), {}),
        ((model, tf.identity(image), _seed, "a"), {}),
        ((twin, image, _seed, "a"), {}),
        ((model, image, _seed, "a"), {"fixed": True}),
    ):
        shared(*arguments, **options)
    assert counting.calls == calls + 4


def test_of_shared_passes_the_first_that_may_moves_the_statistics():
    model, shared = _normalizing(), passes.SharedPasses()
    mean = np.mean(model.layers[0](X), axis=0)
    shared(model, tf.constant(10.0 * X), _seed, "never")
    shared(model, tf.constant(X), _seed, "first", update_statistics=True)
    shared(model, tf.constant(10.0 * X), _seed, "second", update_statistics=True)
    np.testing.assert_allclose(model.layers[1].moving_mean, 0.25 * mean, rtol=1e-5)


def test_an_initializing_pass_sets_those_layers_and_no_others():
    dense, normalization = WeightNormDense(2, seed=1), keras.layers.BatchNormalization()
    model = keras.Sequential([keras.layers.Input((3,)), dense, normalization])
    passes.initializing_pass(model, np.random.default_rng(0).normal(size=(64, 3)), _seed)
    assert np.all(dense.g.numpy() != 1.0)
    np.testing.assert_array_equal(normalization.moving_mean, np.zeros(2))
