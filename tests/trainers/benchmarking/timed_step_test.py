import keras
import numpy as np
import pytest

from trainers.benchmarking import timed_step
from trainers.benchmarking.timed_step import Setting, TimedStep, make_data

TINY = Setting(
    model="mlp",
    image_shape=(4, 4, 1),
    labeled_batch_size=2,
    unlabeled_batch_size=3,
    num_labeled=5,
    num_pool=7,
)
_FIRST = 16 * 1200
_ALL = _FIRST + 1200 * 1200 + 1200 * 10


# A pass over b images through all weights is 2 b _ALL operations. A backward pass to the weights
# is two such, less the first layer's gradient with respect to the images, which only the masked
# pass of xVAT needs; one to the images alone is one. VAT on the unlabeled images: clean, forward
# and backward to the images, forward and backward to the weights. xVAT: clean, forward and backward
# to both; its generator adds 9 multiply-adds a pixel, forward and to the filter.
@pytest.mark.parametrize(
    ("name", "labeled", "unlabeled", "extra"),
    [
        ("mle", 3 * _ALL - _FIRST, 0, 0),
        ("at", 1 * _ALL + _ALL + 2 * (2 * _ALL - _FIRST) + _ALL, 0, 0),
        ("vat", 3 * _ALL - _FIRST, 1 * _ALL + 2 * _ALL + 3 * _ALL - _FIRST, 0),
        ("xvat_inductive", 3 * _ALL - _FIRST, 1 * _ALL + 3 * _ALL, 2 * 9 * 16),
        ("xvat_transductive", 3 * _ALL - _FIRST, 1 * _ALL + 3 * _ALL, 0),
    ],
)
def test_operations_and_both_ways_to_step(monkeypatch, name, labeled, unlabeled, extra):
    monkeypatch.setattr(timed_step, "_TIMING_SECONDS", 1e-9)
    step = TimedStep(name, TINY, *make_data(TINY))
    assert step.count() == 2 * 2 * labeled + 2 * 3 * (unlabeled + extra)
    assert step.count_forward(3) == 2 * 3 * _ALL
    # At an endless rate of bytes the floor is the operations.
    floor = step.floor(gflops=1e-9, gigabytes=1e99)
    assert floor.milliseconds == pytest.approx(1e3 * step.count())
    assert step.time_loop() > 0
    assert step.time_bare() > 0
    assert int(step.method.step) == 2


def test_a_timing_takes_as_many_steps_as_fit(monkeypatch):
    step = TimedStep("mle", TINY, *make_data(TINY))
    step.time_bare()  # compiles
    seconds = step.time_bare()
    monkeypatch.setattr(timed_step, "_TIMING_SECONDS", 4 * seconds)
    step.time_bare()
    before = int(step.method.step)
    step.time_loop()
    assert 1 < int(step.method.step) - before < 40  # about 4; the machine's pace is not ours


def test_xla_and_bfloat16_step():
    setting = Setting(**{**vars(TINY), "precision": "mixed_bfloat16", "jit": True})
    assert (TINY.dtype, setting.dtype) == ("float32", "bfloat16")
    keras.config.set_dtype_policy(setting.precision)
    step = TimedStep("mle", setting, *make_data(setting))
    assert step.time_loop() > 0
    assert step.time_bare() > 0


def test_data_has_the_size_asked_for():
    setting = Setting(**{**vars(TINY), "num_pool": 250})
    pool, sampler = make_data(setting)
    assert pool.image.shape == (250, 4, 4, 1)
    assert np.ptp(pool.image) == pytest.approx(1.0, abs=0.01)
    batch = pool.gather(sampler.indices(0))
    assert batch["labeled"]["image"].shape == (2, 4, 4, 1)
    assert batch["unlabeled"]["image"].shape == (3, 4, 4, 1)


def test_a_step_that_breaks_is_no_measurement():
    step = TimedStep("mle", TINY, *make_data(TINY))
    weights = step.method.classifier.trainable_variables[0]
    weights.assign(np.full(weights.shape, np.nan))
    with pytest.raises(ArithmeticError, match="The logs of mle must be finite. Received: nan"):
        step.time_bare()
