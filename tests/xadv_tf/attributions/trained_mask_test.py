import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.attributions import trained_mask

IMAGE = tf.ones([2, 3, 3, 1])


def _looks_at_the_middle(image):
    score = 2.0 * image[:, 1, 1, 0]
    return tf.stack([score, -score], axis=-1)


def _trained(**kwargs):
    arguments = {"switched_off": 0.0, "divergence": divergences.kl_divergence, **kwargs}
    return trained_mask.trained_log_alpha(_looks_at_the_middle, IMAGE, **arguments).numpy()


def _others(log_alpha):
    return np.delete(np.reshape(log_alpha, (2, 9)), 4, axis=1)


def test_the_mask_closes_what_the_prediction_needs_and_nothing_else():
    # D has no slope in a pixel that nobody looks at, which stays where it started, at 0.
    log_alpha = _trained(sparsity=0.0, num_steps=20)
    assert np.all(log_alpha[:, 1, 1] < -0.5)
    assert np.all(_others(log_alpha) == 0.0)


@pytest.mark.parametrize("steps", [1, 5])
def test_kept_pixels_are_rewarded(steps):
    # Adam's first step has the length of the learning rate; while the slope hardly changes, so do
    # the next ones.
    log_alpha = _trained(sparsity=1.0, num_steps=steps, learning_rate=0.01)
    np.testing.assert_allclose(_others(log_alpha), 0.01 * steps, rtol=1e-3)


def test_an_image_that_cannot_change_keeps_its_mask():
    assert np.all(_trained(switched_off=IMAGE, sparsity=0.0, num_steps=3) == 0.0)


def test_the_weight_of_the_divergence_counts():
    # A gate opens where keeping it is worth more than the divergence that closing it brings.
    low = _trained(adversarial_weight=1e-6, sparsity=1.0, num_steps=5)
    assert np.all(low > 0)


def test_the_weight_of_the_gates_is_that_of_their_share():
    # D = 2 - score = 2 (1 - z), of which the mean slope in log_alpha is -2 * 0.207 at 0 (E[z] is
    # 0.707 at 1 and 0.293 at -1); that of 10 times the share of 9 gates is 10 / 9 * 0.1414 = 0.157,
    # too little to keep the gate open. 10 for each gate would be 1.4.
    log_alpha = _trained(divergence=lambda p, q: p[:, 0] - q[:, 0], sparsity=10.0, num_steps=40)
    assert np.all(log_alpha[:, 1, 1] < 0) and np.all(_others(log_alpha) > 0)
