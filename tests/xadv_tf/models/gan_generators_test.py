import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import models
from xadv_tf.methods import FeatureMatchingGAN


def _count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_the_convolutional_generator():
    model = models.gan_conv_generator((16, 8, 3), latent=7, seed=1)
    images = model(tf.random.stateless_uniform((4, 7), [1, 2]), training=True)
    assert images.shape == (4, 16, 8, 3)
    assert np.min(images) > -1 and np.max(images) < 1
    # Dense without bias, two convolutions, the last with direction, scale and bias; three shifts.
    sizes = [7 * 2 * 1 * 512, 25 * 512 * 256, 25 * 256 * 128, 25 * 128 * 3 + 6, 1024 + 256 + 128]
    assert _count(model) == sum(sizes)


@pytest.mark.slow
def test_data_initialisation_of_the_convolutional_generator():
    generator = models.gan_conv_generator((8, 8, 3), latent=7, seed=1)
    dense = keras.layers.Dense(3)
    classifier = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    method = FeatureMatchingGAN(classifier, generator=generator)
    method.build((None, 8, 8, 3))
    method.initialize(())
    last = next(layer for layer in generator.layers if layer.name.startswith("weight_norm"))
    latent = method._latent(500, "initialize")
    outputs = keras.Model(generator.inputs, last.output)(latent, training=True)
    np.testing.assert_allclose(np.std(outputs, (0, 1, 2)), 0.1, rtol=1e-3)
    np.testing.assert_allclose(np.mean(outputs, (0, 1, 2)), 0.0, atol=1e-4)


def test_the_dense_generator_starts_without_data():
    generator = models.gan_mlp_generator((9, 9, 1), hidden_units=(4,))
    classifier = models.gan_mlp((9, 9, 1), 3, hidden_units=(4,))
    method = FeatureMatchingGAN(classifier, generator=generator)
    method.build((None, 9, 9, 1))
    before = [np.array(variable) for variable in generator.weights]
    image = tf.random.stateless_uniform((20, 9, 9, 1), [1, 2])
    method.initialize([{"labeled": {}, "unlabeled": {"image": image}}])
    for variable, value in zip(generator.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("pixel_range", "low", "high"), [("unit", 0, 1), ("centered", -0.5, 0.5), ("symmetric", -1, 1)]
)
def test_generated_pixels_fill_their_range(pixel_range, low, high):
    model = models.gan_mlp_generator((6, 5, 2), pixel_range=pixel_range, hidden_units=(8,), seed=1)
    last = next(layer for layer in model.layers if layer.name.startswith("weight_norm"))
    last.g.assign(100.0 * tf.ones_like(last.g))
    images = model(tf.random.stateless_uniform((50, 100), [1, 2]), training=True)
    assert images.shape == (50, 6, 5, 2) and images.dtype == tf.float32
    np.testing.assert_allclose([np.min(images), np.max(images)], [low, high], atol=1e-3)


def test_sides_must_be_multiples_of_8():
    with pytest.raises(ValueError, match=r"multiples of 8. Received: image_shape=\(28, 28, 1\)"):
        models.gan_conv_generator((28, 28, 1))
