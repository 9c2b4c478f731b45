"""Values of the released code of Temporal Ensembling and of Mean Teacher."""

import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.optimizers.ramps import Ramp


def test_up():
    ramp = Ramp(2.0, steps_per_epoch=100, up=80.0)
    steps = tf.constant([0, 2000, 4000, 6000, 8000, 30000])
    fractions = [0.006738, 0.060055, 0.286505, 0.731616, 1.0, 1.0]
    np.testing.assert_allclose(ramp(steps), 2.0 * np.array(fractions), rtol=1e-4)


def test_down_by_epoch():
    # Temporal Ensembling: 300 epochs of 500 steps, the last 50 of them falling.
    ramp = Ramp(1.0, steps_per_epoch=500, up=80.0, down=50.0, epochs=300, by_epoch=True)
    steps = tf.constant([100 * 500, 250 * 500, 275 * 500, 276 * 500 - 1, 299 * 500])
    np.testing.assert_allclose(ramp(steps), [1.0, 1.0, 0.043937, 0.043937, 6.1e-6], rtol=2e-2)
    np.testing.assert_allclose(ramp(steps)[:4], [1.0, 1.0, 0.043937, 0.043937], rtol=1e-4)


def test_down_by_step_to_a_floor():
    # Mean Teacher: 150,000 steps, the last 25,000 falling; beta_1 = .9 d + .5 (1 - d).
    steps = tf.constant([125_000, 130_000, 140_000])
    rates = Ramp(1.0, steps_per_epoch=500, down=50.0, epochs=300)
    np.testing.assert_allclose(rates(steps), [1.0, 0.606531, 0.011109], rtol=1e-4)
    beta_1 = Ramp(0.9, steps_per_epoch=500, down=50.0, epochs=300, floor=0.5)
    np.testing.assert_allclose(beta_1(steps), [0.9, 0.742612, 0.504444], rtol=1e-5)


def test_off_in_the_first_epoch():
    ramp = Ramp(8.0, steps_per_epoch=10, up=80.0, by_epoch=True, off_in_first_epoch=True)
    np.testing.assert_array_equal(ramp(tf.constant([0, 9])), [0.0, 0.0])
    expected = 8.0 * np.exp(-5.0 * (79 / 80) ** 2)
    np.testing.assert_allclose(ramp(tf.constant([10, 19])), expected, rtol=1e-5)


def test_config_round_trip():
    arguments = {"value": 0.1, "steps_per_epoch": 5, "up": 1.5, "down": 2.0, "epochs": 4}
    arguments |= {"floor": 0.01, "by_epoch": True, "off_in_first_epoch": True}
    ramp = Ramp(**arguments)
    assert ramp.get_config() == arguments
    again = Ramp.from_config(ramp.get_config())
    np.testing.assert_array_equal(ramp(tf.range(20)), again(tf.range(20)))


@pytest.mark.parametrize("wrong", [{"up": 3.0, "down": 2.0}, {"down": 5.0}, {"up": -1.0}], ids=str)
def test_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"Received: up={wrong.get('up', 0.0)}"):
        Ramp(0.1, steps_per_epoch=5, epochs=4, **wrong)
