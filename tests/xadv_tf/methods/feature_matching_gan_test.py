"""The feature-matching GAN: published self-checks, gradients by hand, turns, features."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier

from xadv_tf import models
from xadv_tf.layers import WeightNormDense
from xadv_tf.methods import FeatureMatchingGAN
from xadv_tf.optimizers.adam import one_minus_power

PIXELS = int(np.prod(IMAGE_SHAPE))


@keras.saving.register_keras_serializable(package="tests")
class Counted(keras.layers.Layer):
    """The identity, which notes in `passes` when a gradient comes back through it."""

    passes: list[str] = []

    def call(self, x):
        @tf.custom_gradient
        def identity(x):
            def gradient(upstream):
                Counted.passes.append(self.name)
                return upstream

            return tf.identity(x), gradient

        return identity(x)


def _constant_classifier(logits):
    head = keras.layers.Dense(len(logits), kernel_initializer="zeros")
    classifier = keras.Sequential([keras.Input(IMAGE_SHAPE), keras.layers.Flatten(), head])
    head.bias.assign(logits)
    return classifier


def _constant_generator(pixel):
    """Images of one colour, its bias; features of `_constant_classifier` are the pixels."""
    dense = keras.layers.Dense(
        PIXELS, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(pixel)
    )
    return keras.Sequential([keras.Input((2,)), dense, keras.layers.Reshape(IMAGE_SHAPE)])


def _method(classifier=None, generator=None, **kwargs):
    method = FeatureMatchingGAN(
        classifier or make_classifier(), generator=generator or _constant_generator(0.5), **kwargs
    )
    method.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return method


def test_losses_of_ten_equal_logits():
    # Z = 10: CE log 10; D = 10/11, so -(log 10/11 + log 1/11) / 2 = 1.246603.
    batch = make_batch()
    terms = _method(_constant_classifier(np.zeros(10))).classifier_losses(batch)
    np.testing.assert_allclose(terms["cross_entropy"], 2.302585, atol=1e-6)
    np.testing.assert_allclose(
        0.5 * np.mean(terms["real"]) + 0.5 * np.mean(terms["fake"]), 1.246603, atol=1e-6
    )
    assert terms["real"].shape == terms["fake"].shape == (8,)


def test_losses_of_three_logits_and_those_of_a_softmax_with_one_more():
    logits = np.array([1.0, 2.0, -1.0])
    terms = _method(_constant_classifier(logits)).classifier_losses(make_batch())
    np.testing.assert_allclose(terms["real"], 0.091177, atol=1e-6)
    np.testing.assert_allclose(np.exp(-terms["real"]), 0.912856, atol=1e-6)
    np.testing.assert_allclose(terms["fake"], 2.440190, atol=1e-6)
    generated = np.log(tf.nn.softmax([*logits, 0.0]).numpy()[-1])
    np.testing.assert_allclose(terms["fake"], -generated, rtol=1e-5)
    np.testing.assert_allclose(terms["real"], -np.log1p(-np.exp(generated)), rtol=1e-5)


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_losses_and_gradients_of_huge_logits_are_finite(size):
    method = _method(_constant_classifier(np.full(3, size)))
    with tf.GradientTape() as tape:
        terms = method.classifier_losses(make_batch())
        total = tf.reduce_sum(terms["real"]) + tf.reduce_sum(terms["fake"])
    gradients = tape.gradient(total, [v.value for v in method.classifier.trainable_variables])
    assert np.isfinite(total) and all(np.all(np.isfinite(g)) for g in gradients)


@pytest.mark.parametrize("distance", ["squared", "absolute"])
def test_the_generators_loss_and_step_by_hand(distance):
    # The fakes are their bias b, the features the pixels: with m the real mean of each pixel the
    # loss is mean((m - b)^2) or mean |m - b|, its gradient -2 (m - b) / P or -sign(m - b) / P.
    method = _method(
        _constant_classifier(np.zeros(3)), _constant_generator(0.1), feature_distance=distance
    )
    batch = make_batch()
    mean = np.mean(batch["unlabeled"]["image"], axis=0)
    difference = mean - 0.1
    logs = method.train_step(batch)
    squared = distance == "squared"
    expected = np.mean(difference**2 if squared else np.abs(difference))
    gradient = (2 * difference if squared else np.sign(difference)) / PIXELS
    np.testing.assert_allclose(logs["feature_matching"], expected, rtol=1e-5)
    bias = np.reshape(method.generator.layers[0].bias, IMAGE_SHAPE)
    np.testing.assert_allclose(bias, 0.1 + 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_separate_batches_halve_the_unlabeled_one():
    # The classifier's turn has images 0, 2, ...; the generator's 1, 3, ...: all of them 2.
    batch = make_batch()
    image = tf.concat(
        [batch["unlabeled"]["image"][:4, None], tf.fill([4, 1, *IMAGE_SHAPE], 2.0)], 1
    )
    batch["unlabeled"]["image"] = tf.reshape(image, [8, *IMAGE_SHAPE])
    method = _method(
        _constant_classifier(np.zeros(3)), _constant_generator(0.5), separate_batches=True
    )
    terms = method.compute_losses(batch)
    assert terms["real"].shape == terms["fake"].shape == (4,)
    np.testing.assert_allclose(terms["feature_matching"], 1.5**2, rtol=1e-6)
    kernel = tf.Variable(tf.random.stateless_normal([PIXELS, 3], [1, 2]))
    method.classifier.layers[-1].kernel.assign(kernel)
    logits = tf.reshape(image[:, 0], [4, PIXELS]) @ kernel
    expected = np.log1p(np.exp(-tf.reduce_logsumexp(logits, -1).numpy()))
    np.testing.assert_allclose(method.classifier_losses(batch)["real"], expected, rtol=1e-4)


def test_each_turn_costs_one_backward_pass_through_its_own_player():
    dense = keras.layers.Dense(PIXELS)
    generator = keras.Sequential(
        [keras.Input((2,)), dense, Counted(name="generated"), keras.layers.Reshape(IMAGE_SHAPE)]
    )
    # A hidden layer in front, so that a gradient for weights passes through `first`.
    hidden = keras.layers.Dense(IMAGE_SHAPE[-1])
    classifier = keras.Sequential(
        [keras.Input(IMAGE_SHAPE), hidden, Counted(name="first"), keras.layers.Flatten()]
        + [keras.layers.Dense(NUM_CLASSES)]
    )
    method = _method(classifier, generator)
    assert method.backward_passes == 2
    Counted.passes.clear()
    tf.function(method.train_step, autograph=False).get_concrete_function(make_batch())
    # The classifier's turn: its labeled, real and generated pass. The generator's: through the
    # features of the generated images alone, and on through itself.
    assert Counted.passes.count("first") == 3 + 1
    assert Counted.passes.count("generated") == 1


def test_the_generators_turn_sees_the_classifier_moved():
    # Features of a linear network are images times its kernel, which the first turn has moved.
    hidden = keras.layers.Dense(4, kernel_initializer="ones", use_bias=False)
    layers = [keras.Input(IMAGE_SHAPE), keras.layers.Flatten(), hidden]
    method = _method(keras.Sequential([*layers, keras.layers.Dense(NUM_CLASSES)]))
    batch = make_batch()
    before = method.generator_losses(batch)["feature_matching"]
    logs = method.train_step(batch)
    method.step.assign(0)
    difference = tf.reduce_mean(batch["unlabeled"]["image"], axis=0) - 0.5
    moved = tf.reshape(difference, [1, -1]) @ hidden.kernel
    np.testing.assert_allclose(logs["feature_matching"], tf.reduce_mean(moved**2), rtol=1e-4)
    assert abs(float(before - logs["feature_matching"])) > 1e-4


def test_the_average_is_the_published_one_but_for_its_factor():
    # Published: a += rate (w - a) from 0. It has reached 1 - (1 - rate)^t of a constant w.
    np.testing.assert_allclose(
        one_minus_power(0.9999, tf.constant([600.0, 60000.0])), [0.058, 0.9975], atol=5e-4
    )
    assert _method().ema_decay == 0.9999
    method = _method(ema_decay=0.9)
    published = [np.zeros(weight.shape) for weight in method.classifier.weights]
    for t in range(1, 6):
        method.train_step(make_batch(seed=t))
        pairs = zip(published, method.classifier.weights, strict=True)
        published = [a + 0.1 * (weight.numpy() - a) for a, weight in pairs]
        for average, evaluated in zip(published, method.evaluated.weights, strict=True):
            np.testing.assert_allclose(average, (1 - 0.9**t) * evaluated, rtol=1e-4, atol=1e-6)


def test_data_initialisation_sees_500_images():
    dense = WeightNormDense(4, mean_only_batch_norm=False)
    layers = [keras.Input(IMAGE_SHAPE), keras.layers.Flatten(), dense]
    method = _method(keras.Sequential([*layers, keras.layers.Dense(NUM_CLASSES)]))
    batches = iter([make_batch(num_unlabeled=200, seed=i) for i in range(4)])
    seen = [make_batch(num_unlabeled=200, seed=i)["unlabeled"]["image"] for i in range(3)]
    method.initialize(batches)
    assert len(list(batches)) == 1
    outputs = dense(tf.reshape(tf.concat(seen, 0), [600, -1]))
    np.testing.assert_allclose(np.mean(outputs, 0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.std(outputs, 0), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(method.averaged.layers[-2].g, dense.g)


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match="Received: feature_distance='l2'"):
        _method(feature_distance="l2")
    with pytest.raises(ValueError, match=r"images of shape \(6, 6, 2\)\. Received: \(6, 6, 1\)"):
        _method(generator=models.gan_mlp_generator((6, 6, 1)))
