import keras
import numpy as np
import tensorflow as tf

from xadv_tf.attributions import class_activations

RNG = np.random.default_rng(0)


def _model():
    """Features x and -x by a 1x1 convolution, logits their means times known weights."""
    kernel = keras.initializers.Constant(np.array([[[[1.0, -1.0]]]], np.float32))
    weights = keras.initializers.Constant(np.array([[2.0, -1.0], [1.0, 3.0]], np.float32))
    return keras.Sequential(
        [
            keras.layers.Input((4, 4, 1)),
            keras.layers.Conv2D(2, 1, use_bias=False, kernel_initializer=kernel),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, use_bias=False, kernel_initializer=weights),
        ]
    )


def test_features_are_weighed_by_their_mean_gradient():
    image = tf.constant(RNG.normal(size=(2, 4, 4, 1)), tf.float32)
    shown = class_activations.grad_cam(class_activations.with_features(_model()), image, [0, 1])
    # The slope of logit k in feature c is w_ck / 16 at each of the 16 places. Class 0: 2 x - (-x)
    # ... = 2 x + 1 (-x) = x; class 1: -1 x + 3 (-x) = -4 x. What speaks against it is cut off.
    expected = np.stack([image[0, ..., 0], -4 * image[1, ..., 0]]) / 16
    np.testing.assert_allclose(shown, np.maximum(expected, 0), rtol=1e-5, atol=1e-7)


def test_layers_that_keep_the_resolution_belong_to_the_convolution():
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3, padding="same"),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(name="last"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    features = class_activations.with_features(model)
    assert features.outputs[0] is model.get_layer("last").output
    assert [tuple(output.shape) for output in features.outputs] == [(None, 4, 4, 3), (None, 5)]
    image = tf.constant(RNG.normal(size=(2, 8, 8, 1)), tf.float32)
    assert class_activations.grad_cam(features, image, [0, 1]).shape == (2, 8, 8)
    np.testing.assert_array_equal(features(image)[1], model(image))


def test_a_model_without_a_convolution_has_no_features():
    layers = [keras.layers.Input((4, 4, 1)), keras.layers.GaussianNoise(0.1)]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(2)])
    assert class_activations.with_features(model) is None


def test_a_model_that_does_not_show_its_layers_has_no_features():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.convolution = keras.layers.Conv2D(2, 3)

        def call(self, x):
            return tf.reduce_mean(self.convolution(x), axis=[1, 2])

    model = Own()
    model(tf.zeros([1, 4, 4, 1]))
    assert class_activations.with_features(model) is None
