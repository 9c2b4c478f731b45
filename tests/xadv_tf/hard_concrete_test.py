"""Constants are closed forms of hard concrete with beta .66, gamma -.1, zeta 1.1."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, special

from xadv_tf import hard_concrete


@pytest.mark.parametrize("log_alpha", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_sample_has_the_closed_form_moments(log_alpha):
    # P(z = 0) = sigmoid(c - a), P(z = 1) = sigmoid(a + c) with c = beta log(-gamma / zeta), and
    # P(z > t) = sigmoid(a - beta logit((t - gamma) / (zeta - gamma))), so that E z is its integral
    # over [0, 1] and E z^2 that of 2 t P(z > t).
    c = 0.66 * math.log(0.1 / 1.1)

    def tail(t):
        return special.expit(log_alpha - 0.66 * special.logit((t + 0.1) / 1.2))

    mean = integrate.quad(tail, 0, 1)[0]
    second_moment = integrate.quad(lambda t: 2 * t * tail(t), 0, 1)[0]
    # Midpoints of a million equal cells instead of draws: no Monte Carlo error to allow for.
    noise = (np.arange(1_000_000) + 0.5) / 1_000_000
    gates = hard_concrete.sample(np.full(noise.shape, log_alpha), noise).numpy().astype(np.float64)
    assert np.mean(gates == 0) == pytest.approx(special.expit(c - log_alpha), abs=1e-5)
    assert np.mean(gates == 1) == pytest.approx(special.expit(log_alpha + c), abs=1e-5)
    assert np.mean(gates) == pytest.approx(mean, abs=1e-5)
    assert np.mean(gates**2) == pytest.approx(second_moment, abs=1e-5)


def test_closed_forms_are_the_published_table():
    # L0 = sigmoid(a - c), and the deterministic gate of the released code.
    log_alpha = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        hard_concrete.expected_l0(log_alpha),
        [0.39714, 0.64167, 0.82957, 0.92973, 0.97295],
        atol=5e-6,
    )
    np.testing.assert_allclose(
        hard_concrete.deterministic(log_alpha), [0.0, 0.11621, 0.5, 0.88379, 1.0], atol=5e-6
    )


def test_sample_by_hand():
    # u = .25: logit = -ln 3 = -1.098612; s = sigmoid((-1.098612 + .3) / .66) = .229697;
    # z = 1.2 s - .1 = .175637. u = .1 falls below 0 and is clipped.
    gates = hard_concrete.sample(tf.fill([4], 0.3), [0.1, 0.25, 0.5, 0.9])
    np.testing.assert_allclose(gates, [0.0, 0.175637, 0.634063, 1.0], atol=1e-6)


def test_deterministic_is_sample_at_one_half():
    log_alpha = tf.linspace(-4.0, 4.0, 33)
    np.testing.assert_allclose(
        hard_concrete.deterministic(log_alpha),
        hard_concrete.sample(log_alpha, tf.fill([33], 0.5)),
        atol=1e-6,
    )


def test_gradient_of_expected_l0():
    # sigmoid'(x) = p (1 - p) with p = .829574 at log_alpha = 0: .141381.
    log_alpha = tf.constant(0.0)
    with tf.GradientTape() as tape:
        tape.watch(log_alpha)
        l0 = hard_concrete.expected_l0(log_alpha)
    assert float(tape.gradient(l0, log_alpha)) == pytest.approx(0.141381, abs=1e-6)


def test_only_unsaturated_gates_pass_gradients():
    log_alpha = tf.fill([4], 0.3)
    with tf.GradientTape() as tape:
        tape.watch(log_alpha)
        gates = hard_concrete.sample(log_alpha, [0.1, 0.25, 0.5, 0.9])
    gradient = tape.gradient(gates, log_alpha).numpy()
    # dz/da = 1.2 s (1 - s) / .66 where 0 < z < 1; s = (z + .1) / 1.2.
    s = (np.array([0.175637, 0.634063]) + 0.1) / 1.2
    np.testing.assert_allclose(gradient, [0, *(1.2 * s * (1 - s) / 0.66), 0], atol=1e-5)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_extreme_noise_stays_finite(noise):
    assert float(hard_concrete.sample(0.0, noise)) == noise


def test_everything_is_float32_whatever_comes_in():
    log_alpha = tf.constant([0.3], tf.bfloat16)
    assert hard_concrete.sample(log_alpha, [0.5]).dtype == tf.float32
    assert hard_concrete.deterministic(log_alpha).dtype == tf.float32
    assert hard_concrete.expected_l0(log_alpha).dtype == tf.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"beta": 0.0}, "beta=0.0"), ({"gamma": 0.0}, "gamma=0.0"), ({"zeta": 1.0}, "zeta=1.0")],
)
def test_parameters_out_of_range(wrong, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        hard_concrete.check_parameters(**{"beta": 0.66, "gamma": -0.1, "zeta": 1.1, **wrong})


@pytest.mark.parametrize(("gamma", "zeta", "end"), [(-0.1, 1.1, 11.0), (-0.05, 1.2, 24.0)])
def test_saturation_is_where_the_slower_end_is_reached(gamma, zeta, end):
    # logit(s) = log_alpha / beta; z = 1 from s / (1 - s) = (1 - gamma) / (zeta - 1) on, 11 and
    # 5.25; z = 0 from its inverse -zeta / gamma on, 11 and 24.
    parameters = {"beta": 0.5, "gamma": gamma, "zeta": zeta}
    saturation = hard_concrete.saturation(**parameters)
    assert saturation == pytest.approx(0.5 * math.log(end))
    beyond, before = (
        hard_concrete.deterministic([-share * saturation, share * saturation], **parameters)
        for share in (1.001, 0.999)
    )
    np.testing.assert_array_equal(beyond, [0.0, 1.0])
    assert 0.0 < before[0] or before[1] < 1.0
