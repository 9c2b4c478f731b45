"""Numbers worked out by hand."""

import numpy as np
import pytest

from xadv_tf import metrics


def test_negative_log_likelihood():
    # p = (3/4, 1/4) and (1/2, 1/2); labels 1 and 0: -(ln 1/4 + ln 1/2) / 2 = 3/2 ln 2.
    logits = np.log([[3.0, 1.0], [5.0, 5.0]])
    expected = 1.5 * np.log(2)
    assert metrics.negative_log_likelihood(logits, np.array([1, 0])) == pytest.approx(expected)


def test_a_confident_error_has_a_finite_cost():
    # -log p_1 = log(1 + e^1000) = 1000, where the probability itself underflows.
    logits = np.array([[1000.0, 0.0]], np.float32)
    assert metrics.negative_log_likelihood(logits, np.array([1])) == pytest.approx(1000)


def test_softmax_is_float64_and_does_not_overflow():
    p = metrics.softmax(np.array([[1000.0, 1000.0, -1000.0]], np.float32))
    assert p.dtype == np.float64
    np.testing.assert_array_equal(p, [[0.5, 0.5, 0.0]])


def test_brier_score():
    # (1 - .7)^2 + .2^2 + .1^2 = .14, and a confident error: 1 + 1 = 2.
    p = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    assert metrics.brier_score(p, np.array([0, 2])) == pytest.approx((0.14 + 2) / 2)


def test_expected_calibration_error():
    # Four bins. Confidence .6 and .7, both right: gap 1 - .65; 1 and .9, the second wrong:
    # gap .95 - 1/2. ECE = 2/4 .35 + 2/4 .45 = .4.
    p = np.array([[0.6, 0.4], [0.3, 0.7], [1.0, 0.0], [0.9, 0.1]])
    bins = metrics.calibration_bins(p, np.array([0, 1, 0, 1]), num_bins=4)
    np.testing.assert_array_equal(bins.count, [0, 0, 2, 2])
    np.testing.assert_allclose(bins.confidence, [np.nan, np.nan, 0.65, 0.95])
    np.testing.assert_allclose(bins.accuracy, [np.nan, np.nan, 1.0, 0.5])
    assert bins.expected_calibration_error == pytest.approx(0.4)


def test_bins_are_closed_above():
    # Guo et al. 2017: ((m - 1) / M, m / M]. 1/2 and 3/4 are exact in binary.
    p = np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]])
    bins = metrics.calibration_bins(p, np.array([0, 0, 0]), num_bins=4)
    np.testing.assert_array_equal(bins.count, [0, 1, 1, 1])


def test_fifteen_bins_unless_asked_otherwise():
    bins = metrics.calibration_bins(np.array([[1.0, 0.0]]), np.array([0]))
    np.testing.assert_allclose(bins.edges, np.arange(16) / 15)
    assert bins.expected_calibration_error == 0.0


def test_confusion_matrix_precision_and_recall():
    labels = np.array([0, 0, 0, 1, 1, 3])
    predictions = np.array([0, 0, 1, 1, 0, 0])
    confusion = metrics.confusion_matrix(labels, predictions, 4)
    np.testing.assert_array_equal(
        confusion, [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    )
    # Class 2 has no examples, classes 2 and 3 are never predicted.
    np.testing.assert_allclose(metrics.precision(confusion), [2 / 4, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(metrics.recall(confusion), [2 / 3, 1 / 2, np.nan, 0])


def test_wilson_interval():
    # centre (p + z^2 / 2n) / (1 + z^2 / n), half width z sqrt(p (1 - p) / n + z^2 / 4n^2) over the
    # same, with p = .8, n = 10 and z the 97.5 % point of the normal distribution.
    low, high = metrics.accuracy_interval(8, 10)
    z = 1.959963985
    centre = (0.8 + z**2 / 20) / (1 + z**2 / 10)
    half = z * np.sqrt(0.016 + z**2 / 400) / (1 + z**2 / 10)
    assert (low, high) == pytest.approx((centre - half, centre + half))
    assert metrics.accuracy_interval(10, 10)[1] == 1.0


def test_wilson_interval_of_another_level():
    # As above, with z the 95 % point of the normal distribution.
    z = 1.644853627
    centre = (0.8 + z**2 / 20) / (1 + z**2 / 10)
    half = z * np.sqrt(0.016 + z**2 / 400) / (1 + z**2 / 10)
    received = metrics.accuracy_interval(8, 10, confidence_level=0.9)
    assert received == pytest.approx((centre - half, centre + half))


def test_spread_over_seeds():
    # s^2 = (1 + 0 + 1) / 2; t(.975, 2) = 4.302653 (any table), over sqrt(3).
    found = metrics.spread([1.0, 2.0, 3.0])
    assert (found.n, found.mean, found.std) == (3, 2.0, 1.0)
    assert found.half_width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)


def test_mean_and_std_are_written_times_a_factor():
    # Deviations of 0.1 and two values: 0.1 sqrt 2.
    assert metrics.spread([0.8, 1.0]).mean_and_std(100, 2) == "90.00 ± 14.14"
    assert metrics.spread([0.8]).mean_and_std(1, 3) == "0.800"


def test_an_interval_of_shares_ends_where_shares_do():
    # Two values: std 0.1 sqrt(2) / 2, half width 12.706 x 0.05; three about 1/2 stay inside.
    assert metrics.spread([0.9, 1.0]).interval_of_shares() == (pytest.approx(0.3147, abs=1e-4), 1.0)
    assert metrics.spread([0.0, 0.1]).interval_of_shares()[0] == 0.0
    inside = metrics.spread([0.4, 0.5, 0.6])
    assert inside.interval_of_shares() == pytest.approx(
        (0.5 - inside.half_width, 0.5 + inside.half_width)
    )


def test_one_value_has_no_spread():
    found = metrics.spread([0.5])
    assert (found.n, found.mean) == (1, 0.5)
    assert np.isnan(found.std) and np.isnan(found.half_width)
