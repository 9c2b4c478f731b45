import numpy as np
import pytest

from trainers.explaining import intervals

RNG = np.random.default_rng(0)


def test_the_interval_of_a_mean_has_the_length_that_theory_gives():
    values = RNG.normal(3.0, 2.0, 400)
    found = intervals.of_mean(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.low < found.mean < found.high
    # 1.96 s / sqrt(n); of 1,000 resamples the quantiles have an error of some percent.
    assert found.half_width == pytest.approx(1.96 * np.std(values) / 20, rel=0.12)


def test_columns_are_resampled_together():
    values = RNG.normal(size=50)
    found = intervals.of_mean(np.stack([values, values + 1.0, 2.0 * values], axis=-1))
    np.testing.assert_allclose(found.low[1] - found.low[0], 1.0)
    np.testing.assert_allclose(found.high[2], 2.0 * found.high[0])


def test_equal_values_have_an_interval_without_length():
    assert intervals.of_mean(np.ones(5)).report() == {"mean": 1.0, "low": 1.0, "high": 1.0}
    report = intervals.of_mean(np.full((5, 2), 1 / 3)).report()
    assert report["mean"] == [0.33333, 0.33333]
