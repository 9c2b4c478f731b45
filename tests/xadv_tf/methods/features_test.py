"""The last hidden features of classifiers of all kinds."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_classifier

from xadv_tf import models
from xadv_tf.methods.features import last_hidden


def _noisy_mlp():
    return models.gan_mlp((6, 6, 1), 3, hidden_units=(8, 7))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (_noisy_mlp, (7,)),
        (lambda: models.mlp((6, 6, 1), 3, hidden_units=(5,), dropout_rate=0.5), (5,)),
        (lambda: models.mlp((6, 6, 1), 3, hidden_units=(5,), top_batch_norm=True), (5,)),
        (lambda: models.gan_conv((9, 9, 3), 3, filters=(2, 4)), (4,)),
        (make_classifier, (16,)),
    ],
)
def test_features_are_the_last_hidden_layers(make, shape):
    classifier = make()
    features = last_hidden(classifier)
    assert features.output_shape == (None, *shape)
    image = tf.random.stateless_normal((2, *classifier.input_shape[1:]), [1, 2])
    # From the features the last layer (and normaliser) alone leads to the logits.
    x, layers = features(image), classifier.layers
    first = [layer.output.shape[1:] == (3,) for layer in layers].index(True)
    for layer in layers[first:]:
        x = layer(x)
    np.testing.assert_allclose(x, classifier(image), rtol=1e-5)
    ours = {variable.path for variable in features.variables}
    assert ours < {variable.path for variable in classifier.variables}


def test_features_come_before_the_noise():
    assert last_hidden(_noisy_mlp()).layers[-1].name.startswith("re_lu")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


def _two_inputs():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Add()(inputs)))


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (Subclassed, "Subclassed"),
        (lambda: keras.Sequential([keras.Input((6, 6, 2)), make_classifier()]), "Sequential"),
        # No layer below the last one.
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.ReLU()]), "Sequential"),
    ],
)
def test_a_classifier_without_a_last_layer_is_refused(make, received):
    with pytest.raises(ValueError, match=f"below the last layer: .*Received: {received}"):
        last_hidden(make())


def test_features_may_be_a_sum_of_branches():
    # A layer of two inputs is no way further down, but it may be the feature itself.
    features = last_hidden(_two_inputs())
    one, other = np.ones((2, 4), np.float32), np.full((2, 4), 3.0, np.float32)
    np.testing.assert_array_equal(features([one, other]), np.full((2, 4), 4.0))
