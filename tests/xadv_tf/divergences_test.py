"""Numbers worked out by hand for p = softmax(2, 0, -1), q = softmax(1, .5, -1)."""

import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import divergences

P = tf.constant([[2.0, 0.0, -1.0]])
Q = tf.constant([[1.0, 0.5, -1.0]])


def test_kl_divergence_is_not_symmetric():
    # log Z_p = ln(e^2 + 1 + e^-1) = 2.169846, log Z_q = ln(e + e^.5 + e^-1) = 1.554830, so that
    # sum p (log p - log q) = .171808 and the other way round .214896.
    assert float(divergences.kl_divergence(P, Q)[0]) == pytest.approx(0.171808, abs=1e-6)
    assert float(divergences.kl_divergence(Q, P)[0]) == pytest.approx(0.214896, abs=1e-6)


def test_cross_entropy_is_kl_plus_entropy():
    assert float(divergences.soft_cross_entropy(P, Q)[0]) == pytest.approx(0.696075, abs=1e-6)
    assert float(divergences.entropy(P)[0]) == pytest.approx(0.524267, abs=1e-6)
    assert 0.696075 - 0.524267 == pytest.approx(0.171808, abs=1e-6)


def test_gradients_in_the_perturbed_logits():
    # Forward KL(p || q): q - p. Reverse KL(q || p): q_k (log q_k - log p_k - KL(q || p)).
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(Q)
        forward = divergences.kl_divergence(P, Q)
        reverse = divergences.kl_divergence(Q, P)
    np.testing.assert_allclose(tape.gradient(forward, Q), [[-0.26970, 0.23401, 0.03569]], atol=1e-5)
    np.testing.assert_allclose(tape.gradient(reverse, Q), [[-0.34446, 0.31338, 0.03108]], atol=1e-5)


def test_small_steps_approach_the_quadratic_form():
    # To second order KL(p || p + d) = 1/2 d^T (diag(p) - p p^T) d = 2.02543e-5 in float64.
    p = np.exp(P[0].numpy() - np.log(np.sum(np.exp(P[0].numpy()))))
    step = 0.01 * np.array([1.0, -1.0, 0.5])
    quadratic = 0.5 * (p @ step**2 - (p @ step) ** 2)
    assert quadratic == pytest.approx(2.02543e-5, rel=1e-5)
    moved = P + tf.constant(step[None], tf.float32)
    # float32 carries about 1e-7 per logit, hence 1 % of 2e-5.
    assert float(divergences.kl_divergence(P, moved)[0]) == pytest.approx(quadratic, rel=2e-2)


def test_gradient_survives_underflowing_probabilities():
    # softmax(200, 0) has log p = -200: p itself underflows, and log p of it would be -inf.
    logits = tf.constant([[200.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = divergences.kl_divergence(logits, -logits) + divergences.entropy(logits)
    assert np.all(np.isfinite(tape.gradient(loss, logits)))


def test_cross_entropy_of_labels():
    # -log p_0 = 2.169846 - 2.
    assert float(divergences.cross_entropy([0], P)[0]) == pytest.approx(0.169846, abs=1e-6)


def test_squared_error_bounds():
    # K = 10: one-hot against another one-hot 2 / K, against uniform (.9^2 + 9 * .1^2) / 10 = .09.
    one = 100.0 * tf.one_hot([0], 10)
    other = 100.0 * tf.one_hot([1], 10)
    assert float(divergences.squared_error(one, other)[0]) == pytest.approx(0.2)
    assert float(divergences.squared_error(one, tf.zeros([1, 10]))[0]) == pytest.approx(0.09)


def test_half_precision_logits_are_compared_in_float32():
    value = divergences.kl_divergence(tf.cast(P, tf.bfloat16), tf.cast(Q, tf.bfloat16))
    assert value.dtype == tf.float32
    # The logits are exact in bfloat16; only a float32 computation gives all six digits.
    assert float(value[0]) == pytest.approx(0.171808, abs=1e-6)
