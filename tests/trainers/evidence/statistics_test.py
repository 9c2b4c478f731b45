import math

import numpy as np
import pytest

from trainers.evidence import statistics


def test_paired_test_by_hand():
    # Differences 1, 2, 3: mean 2, standard deviation 1, t = 2 / (1 / sqrt 3) = 3.4641 with two
    # degrees of freedom, where P(|T| > t) = 1 - t / sqrt(2 + t^2) = 1 - sqrt(12 / 14).
    mean, p = statistics.paired([11.0, 12.0, 13.0], [10.0, 10.0, 10.0])
    assert mean == pytest.approx(2)
    assert p == pytest.approx(1 - math.sqrt(12 / 14))


@pytest.mark.parametrize("own", [[0.9], [0.9, 0.9, 0.9], [0.8, 0.8, 0.8]])
def test_differences_that_do_not_vary_have_no_p(own):
    mean, p = statistics.paired(own, [0.8] * len(own))
    assert mean == pytest.approx(own[0] - 0.8) and p is None


def test_mcnemar_by_hand():
    # Of ten images 4 only the first has right and 1 only the second, 3 both, 2 neither. Under the
    # hypothesis the 1 is binomial of 5 at 1/2: p = 2 P(X <= 1) = 2 (1 + 5) / 32.
    labels = np.zeros(10, np.uint8)
    own = np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 1], np.uint8)
    other = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1], np.uint8)
    assert statistics.mcnemar(own, other, labels) == (4, 1, pytest.approx(12 / 32))
    assert statistics.mcnemar(other, own, labels)[:2] == (1, 4)


def test_classes_of_two_widths_are_compared_by_value():
    labels = np.array([256, 1], np.uint16)
    assert statistics.mcnemar(np.array([0, 1], np.uint8), labels, labels)[:2] == (0, 1)


def test_variances_by_hand():
    # Rows 1, 2 and 4, 7: means 1.5, 5.5 and columns 2.5, 4.5, all 3.5. Mean squares: draws
    # 2 ((-2)^2 + 2^2) = 16, seeds 2 (1 + 1) = 4, rest, of the cells' 0.5, -0.5, -0.5, 0.5: 1.
    values = {(1, 1): 1.0, (1, 2): 2.0, (2, 1): 4.0, (2, 2): 7.0}
    found = statistics.variances(values)
    assert (found.draws, found.seeds) == (2, 2)
    assert found.draw == pytest.approx((16 - 1) / 2)
    assert found.seed == pytest.approx((4 - 1) / 2)
    assert found.rest == pytest.approx(1)
    assert found.shares() == pytest.approx((7.5 / 10, 1.5 / 10, 1 / 10))


def test_a_variance_is_not_negative():
    # Both rows have the same mean: what is between draws is less than the rest.
    values = {(1, 1): 0.0, (1, 2): 1.0, (2, 1): 1.0, (2, 2): 0.0}
    found = statistics.variances(values)
    assert (found.draw, found.seed) == (0, 0) and found.rest == pytest.approx(1)


def test_runs_of_which_the_draw_is_the_seeds_tell_nothing():
    assert statistics.variances({(1, 1): 0.5, (2, 2): 0.6, (3, 3): 0.7}) is None
    assert statistics.variances({(1, 1): 0.5, (1, 2): 0.6}) is None


def test_a_draw_that_lacks_a_seed_is_left_out():
    values = {(draw, seed): float(draw + seed) for draw in (1, 2, 3) for seed in (1, 2)}
    del values[3, 2]
    found = statistics.variances({**values, (9, 9): 0.0})
    assert (found.draws, found.seeds) == (2, 2)
    # A sum of two parts leaves no rest.
    assert found.rest == pytest.approx(0, abs=1e-12)


def test_a_variance_is_shared_among_as_many_runs_as_each_draw_has():
    # Rows 1, 2, 3 and 5, 6, 7: a sum of two parts, no rest. Mean squares: draws
    # 3 (2^2 + 2^2) / 1 = 24, of 3 seeds each; seeds 2 (1 + 0 + 1) / 2 = 2, of 2 draws each.
    values = {(d, s): 4.0 * d + s for d in (0, 1) for s in (1, 2, 3)}
    found = statistics.variances(values)
    assert (found.draw, found.seed) == (pytest.approx(24 / 3), pytest.approx(2 / 2))
