"""Temporal Ensembling: targets of the epochs before, and gradients by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import NUM_CLASSES, gradient_of_term, make_batch, make_linear_classifier

from xadv_tf.methods import TemporalEnsembling


def _ensembling(**kwargs):
    method = TemporalEnsembling(
        make_linear_classifier(), num_examples=12, steps_per_epoch=2, **kwargs
    )
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    return method


def test_targets_of_constant_predictions():
    # Weights that stand still and no noise: the corrected target is the prediction in each epoch.
    method = _ensembling()
    errors = [float(method.train_step(make_batch())["consistency"]) for _ in range(6)]
    np.testing.assert_allclose(errors, 0.0, atol=1e-12)
    image, index = (make_batch()["unlabeled"][key] for key in ("image", "index"))
    target, known = method.ensemble.target(index, 3)
    assert np.all(known)
    np.testing.assert_allclose(target, tf.nn.softmax(method(image)), rtol=1e-5)


def test_the_ensembles_target_is_constant_and_absent_at_first():
    method = _ensembling()
    batch = make_batch()
    (kernel,) = method.classifier.trainable_variables
    method.train_step(batch)
    assert not np.any(gradient_of_term(method, batch, "consistency")[0])
    method.step.assign(2)  # The second epoch.
    x = np.reshape(batch["unlabeled"]["image"], (8, -1))
    target, _ = method.ensemble.target(batch["unlabeled"]["index"], 1)
    kernel.assign(0.5 * kernel)
    p = tf.nn.softmax(x @ kernel.numpy()).numpy()
    d = 2.0 * (p - target) / NUM_CLASSES
    expected = x.T @ (p * (d - np.sum(p * d, axis=1, keepdims=True)))
    (gradient,) = gradient_of_term(method, batch, "consistency")
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_an_epoch_has_steps_per_epoch_steps():
    # Steps 0 and 1 are epoch 0: what was seen in it is a target from step 2 on, not before.
    method = _ensembling()
    index = make_batch()["unlabeled"]["index"]
    known = []
    for _ in range(3):
        known.append(bool(np.all(method.ensemble.target(index, method._epoch())[1])))
        method.train_step(make_batch())
    assert known == [False, False, True]


def test_the_table_averages_by_the_methods_momentum():
    # After predictions z_0 and z_1 of two epochs: (m (1 - m) z_0 + (1 - m) z_1) / (1 - m^2).
    method = _ensembling(ensemble_momentum=0.25)
    (kernel,) = method.classifier.trainable_variables
    batch = make_batch()
    index, seen = batch["unlabeled"]["index"], []
    for epoch in range(2):
        kernel.assign((1.0 - 2.0 * epoch) * kernel)
        method.step.assign(2 * epoch)
        seen.append(tf.nn.softmax(method(batch["unlabeled"]["image"])))
        method.train_step(batch)
    expected = (0.25 * 0.75 * seen[0] + 0.75 * seen[1]) / (1 - 0.25**2)
    np.testing.assert_allclose(method.ensemble.target(index, 2)[0], expected, rtol=1e-4)


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="Received: steps_per_epoch=0"):
        TemporalEnsembling(make_linear_classifier(), num_examples=1, steps_per_epoch=0)
