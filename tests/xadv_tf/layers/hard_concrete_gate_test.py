import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import hard_concrete
from xadv_tf.layers import HardConcreteGate


def test_gate_is_the_function():
    gate = HardConcreteGate(beta=0.5, gamma=-0.2, zeta=1.3)
    log_alpha = tf.linspace(-3.0, 3.0, 7)
    noise = tf.linspace(0.1, 0.9, 7)
    parameters = {"beta": 0.5, "gamma": -0.2, "zeta": 1.3}
    np.testing.assert_array_equal(
        gate(log_alpha, noise), hard_concrete.sample(log_alpha, noise, **parameters)
    )
    np.testing.assert_array_equal(
        gate(log_alpha), hard_concrete.deterministic(log_alpha, **parameters)
    )
    np.testing.assert_array_equal(
        gate.expected_l0(log_alpha), hard_concrete.expected_l0(log_alpha, **parameters)
    )


def test_config_round_trip():
    gate = HardConcreteGate.from_config(HardConcreteGate(beta=0.5).get_config())
    assert (gate.beta, gate.gamma, gate.zeta) == (0.5, -0.1, 1.1)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="Received: gamma=0.1"):
        HardConcreteGate(gamma=0.1)


def test_saturation_is_that_of_its_parameters():
    # beta log(-zeta / gamma) = log(24) / 2, the slower end (see hard_concrete_test.py).
    gate = HardConcreteGate(beta=0.5, gamma=-0.05, zeta=1.2)
    assert gate.saturation == pytest.approx(0.5 * np.log(24.0))
