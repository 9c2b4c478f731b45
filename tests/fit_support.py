"""Images, and a method that is soon trained on them, for the tests of what Keras's `fit` does."""

import keras
import numpy as np
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier

from xadv_tf import methods
from xadv_tf.layers import data_initialization

IMAGES = np.random.default_rng(0).normal(size=(11, *IMAGE_SHAPE)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, NUM_CLASSES, 11)


class Standardize(keras.layers.Layer):
    """Scales by a trainable gain, which it can set such that its output has deviation 1."""

    initializes_from_data = True

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        if data_initialization.is_active():
            self.gain.assign(1.0 / tf.math.reduce_std(x))
        return self.gain * x


def make_mle(classifier=make_classifier, **kwargs):
    """MLE with SGD of rate 0.5; kwargs are of `compile`."""
    keras.utils.set_random_seed(3)
    method = methods.MLE(classifier())
    method.compile(optimizer=keras.optimizers.SGD(0.5), **kwargs)
    return method


def weights_of(method):
    """The classifier's trainable weights as arrays."""
    return [v.numpy() for v in method.classifier.trainable_variables]


def assert_equal(one, other, atol=0.0):
    """Two lists of arrays are the same, or within `atol` of each other."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=atol)
