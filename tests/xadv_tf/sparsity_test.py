import math

import numpy as np
import pytest

from xadv_tf import sparsity


def test_hoyer_of_vectors_worked_out_by_hand():
    # n = 4: (2 - ||v||_1 / ||v||_2) / (2 - 1).
    assert sparsity.hoyer(np.array([1, -1, 1, 1])) == pytest.approx(0)  # 2 - 4 / 2
    assert sparsity.hoyer(np.array([[0, 0], [-7, 0]])) == pytest.approx(1)  # 2 - 7 / 7
    assert sparsity.hoyer(np.array([3, 4, 0, 0])) == pytest.approx(0.6)  # 2 - 7 / 5
    assert math.isnan(sparsity.hoyer(np.zeros(4)))


def test_no_factor_changes_hoyer_or_kurtosis():
    values = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    for measure in (sparsity.hoyer, sparsity.kurtosis):
        assert measure(1e-4 * values) == pytest.approx(measure(values), rel=1e-5)


def test_a_normal_law_has_the_documented_values():
    values = np.random.default_rng(0).normal(size=1_000_000)
    # E|v| / sqrt(E v^2) = sqrt(2 / pi); the deviation of the estimates is 5e-4 and 5e-3.
    assert sparsity.hoyer(values) == pytest.approx(1 - math.sqrt(2 / math.pi), abs=3e-3)
    assert sparsity.kurtosis(values) == pytest.approx(3, abs=0.03)


def test_kurtosis_is_about_the_mean():
    # Of -1 and 1 at equal shares it is 1, wherever they lie.
    assert sparsity.kurtosis(np.array([4.0, 6.0])) == pytest.approx(1)
    # 0 nine times and 1: p q (q^3 + p^3) / (p q)^2 with p = 0.1, q = 0.9.
    assert sparsity.kurtosis(np.array([1.0] + 9 * [0.0])) == pytest.approx(0.73 / 0.09)
    assert math.isnan(sparsity.kurtosis(np.ones(3)))


def test_the_share_below_counts_magnitudes_and_leaves_out_the_threshold():
    assert sparsity.share_below(np.array([[-0.5, 0.1], [-0.01, 2.0]]), 0.5) == 0.5
