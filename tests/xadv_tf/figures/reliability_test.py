import numpy as np
import pytest

from xadv_tf import figures, metrics


def test_bars_are_accuracy_and_the_gap_to_confidence():
    # Four bins; see metrics_test for the numbers.
    p = np.array([[0.6, 0.4], [0.3, 0.7], [1.0, 0.0], [0.9, 0.1]])
    bins = metrics.calibration_bins(p, np.array([0, 1, 0, 1]), num_bins=4)
    figure = figures.draw_reliability(bins, title="a run")
    upper, lower = figure.axes
    accuracy, gap = upper.containers
    assert [bar.get_height() for bar in accuracy] == [1.0, 0.5]
    assert [bar.get_x() for bar in accuracy] == [0.5, 0.75]
    # From the accuracy to the mean confidence, .65 and .95.
    assert [bar.get_y() for bar in gap] == [1.0, 0.5]
    assert [bar.get_height() for bar in gap] == pytest.approx([-0.35, 0.45])
    assert [bar.get_height() for bar in lower.patches] == [50, 50]
    assert upper.get_title() == "a run\nexpected calibration error 40.00 %"
