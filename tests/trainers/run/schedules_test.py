"""Tests of trainers/run/schedules.py: which flags go into which schedule, by values at steps."""

import numpy as np
import pytest
import tensorflow as tf

from trainers.run import schedules
from trainers.settings import experiment as experiment_lib

# Ten epochs of ten steps: epoch e holds from step 10 e on.
_TEN = ("--train_steps=100", "--steps_per_epoch=10")


def _experiment(*arguments):
    values = experiment_lib.parse(["--workdir=none", "--method=mle", *_TEN, *arguments])
    return experiment_lib.from_flags(values)


def _at(schedule, *steps):
    return schedule(tf.constant(steps)).numpy()


def _gaussian(factor, x):
    return np.exp(-factor * x**2)


def test_constant_values_are_numbers():
    experiment = _experiment("--beta_1=0.8")
    assert schedules.learning_rate(experiment, 0.25) == 0.25
    assert schedules.beta_1(experiment) == 0.8
    assert schedules.beta_2(experiment) == 0.999
    assert schedules.consistency(experiment) == {}


def test_exponential():
    schedule = schedules.learning_rate(
        _experiment("--schedule=exponential", "--decay_rate=0.5"), 0.8
    )
    np.testing.assert_allclose(_at(schedule, 0, 9, 10, 35), [0.8, 0.8, 0.4, 0.1], rtol=1e-6)


def test_linear_with_its_delay_scale_and_floor():
    flags = ["--decay_start=0.5", "--decay_delay=1", "--decay_scale=0.5", "--decay_floor=0.01"]
    schedule = schedules.learning_rate(_experiment("--schedule=linear", *flags), 0.8)
    # The value of epoch 5, 0.5 * 0.8 * 5/5 + 0.01, holds in epoch 6; that of 8 in 9: * 2/5.
    np.testing.assert_allclose(_at(schedule, 0, 59, 60, 99), [0.8, 0.8, 0.41, 0.17], rtol=1e-6)


@pytest.mark.parametrize("share", ["0.666666", "0.666667"])
def test_a_share_without_exact_decimals_starts_with_the_epoch_that_it_means(share):
    flags = ["--train_steps=120", "--schedule=linear", "--late_beta_1=0.5"]
    experiment = _experiment(*flags, f"--decay_start={share}")
    # Two thirds of 12 epochs are 8: its value is (12 - 8) / 4 of the rate, that of 9 is 3/4.
    rate = schedules.learning_rate(experiment, 0.8)
    np.testing.assert_allclose(_at(rate, 79, 80, 90), [0.8, 0.8, 0.6], rtol=1e-6)
    np.testing.assert_allclose(_at(schedules.beta_1(experiment), 79, 80), [0.9, 0.5])


def test_a_decay_may_start_within_an_epoch():
    # At 5.5 of 10 epochs: the first value is that of epoch 6, 4 of 4.5.
    schedule = schedules.learning_rate(_experiment("--schedule=linear", "--decay_start=0.55"), 0.9)
    np.testing.assert_allclose(_at(schedule, 59, 60), [0.9, 0.8], rtol=1e-6)


def test_beta_1_changes_when_the_decay_takes_effect():
    flags = ["--schedule=linear", "--decay_start=0.5", "--late_beta_1=0.5"]
    schedule = schedules.beta_1(_experiment(*flags, "--decay_delay=2"))
    np.testing.assert_allclose(_at(schedule, 0, 69, 70, 99), [0.9, 0.9, 0.5, 0.5])
    np.testing.assert_allclose(_at(schedules.beta_1(_experiment(*flags)), 49, 50), [0.9, 0.5])


_RAMPS = ("--schedule=ramps", "--ramp_up_epochs=4", "--ramp_down_epochs=2")


def test_ramps_by_epoch():
    # Laine & Aila: exp(-5 (1 - t/4)^2) up, exp(-12.5 ((t - 8)/2)^2) down, t whole.
    schedule = schedules.learning_rate(_experiment(*_RAMPS), 0.8)
    expected = [_gaussian(5, 1), _gaussian(5, 1), _gaussian(5, 0.5), 1, 1, _gaussian(12.5, 0.5)]
    np.testing.assert_allclose(
        _at(schedule, 0, 9, 20, 40, 89, 99), 0.8 * np.array(expected), rtol=1e-5
    )


def test_ramps_by_step():
    schedule = schedules.learning_rate(_experiment(*_RAMPS, "--ramp_by_step"), 0.8)
    expected = [_gaussian(5, 0.875), 1, _gaussian(12.5, 0.75)]
    np.testing.assert_allclose(_at(schedule, 5, 40, 95), 0.8 * np.array(expected), rtol=1e-5)


def test_beta_1_falls_with_the_ramp_down_and_is_not_ramped_up():
    schedule = schedules.beta_1(_experiment(*_RAMPS, "--late_beta_1=0.5"))
    expected = [0.9, 0.9, 0.5 + 0.4 * _gaussian(12.5, 0.5)]
    np.testing.assert_allclose(_at(schedule, 0, 80, 90), expected, rtol=1e-5)


def test_beta_2_is_another_while_the_rate_rises():
    schedule = schedules.beta_2(_experiment(*_RAMPS, "--early_beta_2=0.99"))
    np.testing.assert_allclose(_at(schedule, 0, 39, 40, 99), [0.99, 0.99, 0.999, 0.999])


def _consistency(method, *arguments):
    flags = ["--consistency_weight=8", "--consistency_ramp_epochs=4"]
    return schedules.consistency(_experiment(f"--method={method}", *flags, *arguments))


def test_the_weight_of_the_consistency_rises_by_epoch_and_is_0_in_the_first():
    arguments = _consistency("pi_model")
    assert arguments.keys() == {"consistency_weight"}
    expected = [0, 0, 8 * _gaussian(5, 0.75), 8 * _gaussian(5, 0.25), 8, 8]
    np.testing.assert_allclose(
        _at(arguments["consistency_weight"], 0, 9, 10, 39, 40, 99), expected, rtol=1e-5
    )


def test_the_weight_of_the_consistency_by_step():
    arguments = _consistency("mean_teacher", "--ramp_by_step", "--early_teacher_decay=0.5")
    expected = [8 * _gaussian(5, 1), 8 * _gaussian(5, 0.875), 8]
    np.testing.assert_allclose(_at(arguments["consistency_weight"], 0, 5, 40), expected, rtol=1e-5)
    np.testing.assert_allclose(_at(arguments["teacher_decay"], 39, 40), [0.5, 0.999])


def test_a_teachers_late_decay_is_its_flags():
    arguments = _consistency("mean_teacher", "--early_teacher_decay=0.5", "--teacher_decay=0.75")
    np.testing.assert_allclose(_at(arguments["teacher_decay"], 39, 40), [0.5, 0.75])
