import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_linear_classifier

from xadv_tf.methods import EntropyMinimization

P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]])


def test_entropy_and_its_gradient():
    # H = -sum p log p; dH / d logits_i = -p_i (log p_i + H).
    logits = tf.constant(np.log(P), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = EntropyMinimization().loss_of(logits)
    entropy = -np.sum(P * np.log(P), axis=1)
    np.testing.assert_allclose(entropy, [0.801819, 1.080527], atol=1e-6)
    np.testing.assert_allclose(value, entropy, rtol=1e-5)
    expected = -P * (np.log(P) + entropy[:, None])
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-6)


def test_the_weight():
    method = EntropyMinimization(make_linear_classifier(), entropy_weight=0.25)
    assert method.loss_weights == {"cross_entropy": 1.0, "entropy": 0.25}
    with pytest.raises(ValueError, match="Received: entropy_weight=-1.0"):
        EntropyMinimization(entropy_weight=-1.0)
