"""What both GANs share: turns, noise for the generator, images from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, make_batch, make_classifier

from xadv_tf.layers import WeightNormDense
from xadv_tf.methods.generative import GenerativeMethod

PIXELS = int(np.prod(IMAGE_SHAPE))


def _generator(*layers):
    dense = keras.layers.Dense(PIXELS)
    return keras.Sequential([keras.Input((4,)), *layers, dense, keras.layers.Reshape(IMAGE_SHAPE)])


class Simple(GenerativeMethod):
    """The classifier raises the generated images' first logits, the generator lowers them."""

    initialization_images = 200

    def __init__(self, generator, **kwargs):
        weights = {"classifier_weights": {"up": -1.0}, "generator_weights": {"down": 2.0}}
        super().__init__(make_classifier(), generator=generator, **weights, **kwargs)

    def classifier_losses(self, batch):
        self.labeled_forward(batch)
        return {"up": self.forward(tf.stop_gradient(self.fakes(8, "fake")), "fake")[:, 0]}

    def generator_losses(self, batch):
        return {"down": self.forward(self.fakes(8, "match"), "match", fixed=True)[:, 0]}


def _method(*layers, **kwargs):
    keras.utils.set_random_seed(0)
    method = Simple(_generator(*layers), **kwargs)
    method.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return method


def test_each_term_is_weighed_for_its_own_player():
    method = _method()
    assert method.objectives() == {
        "objective": {"up": -1.0},
        "generator_objective": {"down": 2.0},
    }
    assert set(method.compute_losses(make_batch())) == {"up", "down"}
    classifier, generator = method.players()
    assert (classifier.objective, generator.objective) == ("objective", "generator_objective")
    assert generator.optimizer is method.generator_optimizer is not method.optimizer


def test_the_classifier_moves_first_and_the_generator_after_it():
    method = _method()
    before = method.generator_losses(make_batch())["down"]
    logs = method.train_step(make_batch())
    method.step.assign(0)
    assert float(logs["down"]) != pytest.approx(float(np.mean(before)), abs=1e-5)
    # It descended: with the classifier as it is now, its term has fallen.
    assert float(np.mean(method.generator_losses(make_batch())["down"])) < float(logs["down"])


def test_fakes_are_made_of_uniform_noise_of_the_purpose():
    method = _method()
    latent = method._latent(5000, "a")
    assert latent.shape == (5000, 4)
    # U(0, 1): mean 1/2 and deviation 12^-1/2, to 5 standard errors of 20,000 draws.
    assert np.min(latent) >= 0.0 and np.max(latent) < 1.0
    assert np.mean(latent) == pytest.approx(0.5, abs=5 * (1 / 12 / 20_000) ** 0.5)
    assert np.std(latent) == pytest.approx(12**-0.5, rel=0.02)
    np.testing.assert_allclose(method.fakes(3, "a"), method.generator(latent[:3]), atol=1e-5)
    assert np.all(method.fakes(3, "a") != method.fakes(3, "b"))


def test_the_generator_is_initialised_from_as_many_images_as_the_classifier():
    dense = WeightNormDense(6, mean_only_batch_norm=False, seed=1)
    method = _method(dense)
    method.initialize(iter([make_batch()]))
    outputs = dense(method._latent(200, "initialize"))
    np.testing.assert_allclose(np.mean(outputs, axis=0), np.zeros(6), atol=1e-5)
    np.testing.assert_allclose(np.std(outputs, axis=0), np.ones(6), rtol=1e-4)


def test_generated_images_follow_their_seed():
    method = _method(keras.layers.BatchNormalization())
    images = method.generate(5, seed=1)
    assert images.shape == (5, *IMAGE_SHAPE)
    np.testing.assert_array_equal(images, method.generate(5, seed=1))
    assert np.any(images != method.generate(5, seed=2))


def test_generated_images_are_normalised_by_their_batch():
    # As in training: the moving statistics, 0 and 1 at the start, have no part in them.
    normalization = keras.layers.BatchNormalization(name="last")
    layers = [keras.layers.Dense(PIXELS), keras.layers.Reshape(IMAGE_SHAPE), normalization]
    generator = keras.Sequential([keras.Input((4,)), *layers])
    method = Simple(generator)
    images = method.generate(50)
    np.testing.assert_allclose(np.mean(images, axis=(0, 1, 2)), np.zeros(2), atol=1e-4)
    np.testing.assert_array_equal(normalization.moving_mean, np.zeros(2))


def test_a_generator_of_other_images_is_refused():
    method = _method()
    with pytest.raises(ValueError, match=r"shape \(5, 5, 2\)\. Received: \(6, 6, 2\)"):
        method.build((None, 5, 5, 2))
