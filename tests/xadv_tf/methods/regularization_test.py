"""Regularizers of weights count once a step, and once in a global batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.methods import MLE, XVAT, regularization

IMAGES = np.random.default_rng(0).normal(size=(24, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(24) % 4


def _regularized():
    penalty = keras.regularizers.L2(0.25)
    dense = keras.layers.Dense(4, kernel_regularizer=penalty, bias_regularizer=penalty)
    classifier = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Flatten(), dense])
    dense.bias.assign([1.0, -2.0, 3.0, 4.0])
    return classifier, dense


def test_regularizers_of_weights_count_once_a_step():
    classifier, dense = _regularized()
    method = XVAT(classifier)
    method.compile()
    asked = 0.25 * (np.sum(np.square(dense.kernel)) + 30.0)
    logs = method.train_step((tf.constant(IMAGES), tf.constant(LABELS)))
    weighed = sum(weight * logs[term] for term, weight in method.loss_weights.items())
    assert float(logs["objective"]) == pytest.approx(float(weighed) + asked, rel=1e-5)


def test_regularizers_pull_at_the_weights_and_at_nothing_else():
    classifier, dense = _regularized()
    method = MLE(classifier)
    method.compile(optimizer=keras.optimizers.SGD(1.0))
    before = [np.array(v) for v in classifier.weights]
    after = []
    for _ in range(2):
        for variable, value in zip(classifier.weights, before, strict=True):
            variable.assign(value)
        method.train_step((tf.constant(IMAGES), tf.constant(LABELS)))
        after.append([np.array(v) for v in classifier.weights])
        dense.kernel.regularizer = dense.bias.regularizer = None
    for start, regularized, plain in zip(before, *after, strict=True):
        # d (w^2 / 4) / dw = w / 2.
        np.testing.assert_allclose(plain - regularized, start / 2.0, atol=1e-5)


def test_regularizers_of_activities_are_refused():
    layer = keras.layers.Dense(4, activity_regularizer="l2")
    classifier = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Flatten(), layer])
    with pytest.raises(ValueError, match="activity_regularizer of layer dense"):
        MLE(classifier).compile()


def test_two_replicas_ask_for_it_once():
    # One player of weights 3 and 4 under L2(.25): .25 (9 + 16) in all, half of it on each replica.
    classifier, dense = _regularized()
    dense.kernel.regularizer, dense.bias.regularizer = None, keras.regularizers.L2(0.25)
    dense.bias.assign([3.0, 4.0, 0.0, 0.0])
    method = MLE(classifier)
    method.compile()
    assert float(regularization.penalty(method.players(), 1)) == 6.25
    assert float(regularization.penalty(method.players(), 2)) == 3.125
    dense.bias.regularizer = None
    assert regularization.penalty(method.players(), 2) is None


def test_the_logged_objective_of_two_replicas_has_it_once():
    strategy = two_replicas()
    with strategy.scope():
        classifier, dense = _regularized()
        method = MLE(classifier)
        method.compile(optimizer=keras.optimizers.SGD(0.0))
    asked = 0.25 * (np.sum(np.square(dense.kernel.numpy())) + 30.0)
    batch = (tf.constant(IMAGES), tf.constant(LABELS))
    logs = tf.function(lambda: strategy.run(method.train_step, (batch,)), autograph=False)()
    one, other = (
        float(strategy.experimental_local_results(logs[name])[0])
        for name in ("objective", "cross_entropy")
    )
    assert one - other == pytest.approx(asked, rel=1e-5)
