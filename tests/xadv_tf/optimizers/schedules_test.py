"""Values after given epochs of the released scripts."""

import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.optimizers import schedules


def _at_epochs(schedule, epochs, steps_per_epoch=400):
    # The first and the last step of an epoch see the same rate.
    first = schedule(tf.constant([e * steps_per_epoch for e in epochs]))
    last = schedule(tf.constant([(e + 1) * steps_per_epoch - 1 for e in epochs]))
    np.testing.assert_array_equal(first, last)
    return first.numpy()


def test_xvat_on_cifar():
    # The value of epoch e takes effect in e + 1: .5 * .003 (500 - e) / 50 + 1e-5 from e = 450 on.
    schedule = schedules.LinearEpochDecay(
        3e-3, epochs=500, start=450, steps_per_epoch=400, delay=1, scale=0.5, floor=1e-5
    )
    rates = _at_epochs(schedule, [450, 451, 476, 499])
    np.testing.assert_allclose(rates, [0.003, 0.00151, 0.00076, 7.0e-5], rtol=1e-4)


def test_xvat_on_svhn():
    schedule = schedules.LinearEpochDecay(3e-3, epochs=120, start=80, steps_per_epoch=400, delay=1)
    np.testing.assert_allclose(_at_epochs(schedule, [82, 101]), [0.002925, 0.0015], rtol=1e-4)


def test_vat_on_cifar():
    schedule = schedules.LinearEpochDecay(1e-3, epochs=500, start=460, steps_per_epoch=400)
    rates = _at_epochs(schedule, [0, 459, 461, 499])
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 9.75e-4, 2.5e-5], rtol=1e-4)


def test_mnist():
    schedule = schedules.ExponentialEpochDecay(1e-3, rate=0.95, steps_per_epoch=500)
    rates = _at_epochs(schedule, [0, 1, 99], steps_per_epoch=500)
    np.testing.assert_allclose(rates, [1e-3, 0.95e-3, 1e-3 * 0.95**99], rtol=1e-4)


def test_switch():
    schedule = schedules.EpochSwitch(0.9, 0.5, start=81, steps_per_epoch=400)
    np.testing.assert_allclose(_at_epochs(schedule, [0, 80, 81, 119]), [0.9, 0.9, 0.5, 0.5])


@pytest.mark.parametrize(
    "cls", [schedules.LinearEpochDecay, schedules.ExponentialEpochDecay, schedules.EpochSwitch]
)
def test_config_round_trip(cls):
    arguments = {
        schedules.LinearEpochDecay: {
            **{"epochs": 4, "start": 2, "steps_per_epoch": 5},
            **{"delay": 1, "scale": 0.5, "floor": 1e-3},
        },
        schedules.ExponentialEpochDecay: {"rate": 0.5, "steps_per_epoch": 5},
        schedules.EpochSwitch: {"after": 0.5, "start": 2, "steps_per_epoch": 5},
    }[cls]
    schedule = cls(0.1, **arguments)
    assert schedule.get_config().items() >= arguments.items()
    again = cls.from_config(schedule.get_config())
    steps = tf.range(20)
    np.testing.assert_array_equal(schedule(steps), again(steps))


def test_out_of_range():
    with pytest.raises(ValueError, match="Received: start=4"):
        schedules.LinearEpochDecay(0.1, epochs=4, start=4, steps_per_epoch=5)
    with pytest.raises(ValueError, match="Received: rate=0"):
        schedules.ExponentialEpochDecay(0.1, rate=0.0, steps_per_epoch=5)
