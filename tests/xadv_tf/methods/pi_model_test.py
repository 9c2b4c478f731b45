"""The Pi-model: gradients by hand, and which pass running statistics follow."""

import numpy as np
import pytest
import tensorflow as tf
from tests_support import (
    NUM_CLASSES,
    gradient_of_term,
    make_batch,
    make_classifier,
    make_linear_classifier,
)

from xadv_tf.layers import BatchNormalization
from xadv_tf.methods import PiModel


def test_pi_model_differentiates_both_passes():
    # p_i = softmax(W x_i). With s_i = p_i (d - p_i . d), d = 2 (p_1 - p_2) / K, the gradient of
    # sum (p_1 - p_2)^2 / K in W is x_1 s_1^T - x_2 s_2^T. Views stand in for the noise.
    method = PiModel(make_linear_classifier())
    batch = make_batch()
    second = batch["unlabeled"]["image"][::-1]
    batch["unlabeled"]["second_image"] = second
    weights = method.classifier.trainable_variables
    (gradient,) = gradient_of_term(method, batch, "consistency")
    views = [np.reshape(x, (8, -1)) for x in (batch["unlabeled"]["image"], second)]
    p = [tf.nn.softmax(x @ weights[0].numpy()).numpy() for x in views]
    d = 2.0 * (p[0] - p[1]) / NUM_CLASSES
    s = [q * (d - np.sum(q * d, axis=1, keepdims=True)) for q in p]
    expected = views[0].T @ s[0] - views[1].T @ s[1]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("second_follows", [True, False])
def test_running_statistics_of_pi_model(second_follows):
    # In one batch they follow the second pass, here of images twice as large.
    normalizer = BatchNormalization(momentum=0.0)
    method = PiModel(make_classifier(batch_norm=normalizer))
    batch = make_batch(supervised=second_follows)
    batch["unlabeled"]["second_image"] = 2.0 * batch["unlabeled"]["image"]
    method.compute_losses(batch)
    dense = method.classifier.layers[1]
    images = tf.reshape(batch["labeled"]["image"], [6, -1])
    factor = 2.0 if second_follows else 1.0
    expected = factor * tf.reduce_mean(dense(images), axis=0)
    np.testing.assert_allclose(normalizer.moving_mean, expected, atol=1e-5)
