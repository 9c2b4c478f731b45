import math

import numpy as np
import pytest

from trainers.evidence import statistics
from xadv_tf import metrics

_TAN = math.tan(0.95 * math.pi / 2)  # Student's quantile with one degree of freedom.


def _seeds(*values):
    """Runs that share neither a draw nor a seed."""
    return {(n, n): value for n, value in enumerate(values)}


@pytest.mark.parametrize("same", ["neither", "draw", "seed"])
def test_runs_that_share_nothing_or_all_one_thing_have_students_interval(same):
    # 1, 2, 3: mean 2, deviation 1, and Student's quantile with two degrees of freedom,
    # 0.95 sqrt(2 / (1 - 0.95^2)) = 4.3027.
    keys = {"neither": (1, 1), "draw": (0, 1), "seed": (1, 0)}[same]
    runs = {(keys[0] * n, keys[1] * n): float(n) for n in (1, 2, 3)}
    found = statistics.spread(runs)
    quantile = 0.95 * math.sqrt(2 / (1 - 0.95**2))
    assert (found.n, found.mean, found.std) == (3, 2, 1)
    assert found.half_width == pytest.approx(quantile / math.sqrt(3))
    assert not statistics.shares(runs)


def test_a_single_run_has_no_interval():
    found = statistics.spread({(1, 1): 0.5})
    assert found.mean == 0.5 and math.isnan(found.half_width)


@pytest.mark.parametrize(
    ("cells", "variance"),
    [
        # Mean squares of draws and seeds 16 and 4, of all four runs 21 / 3: of the mean 16/4,
        # 4/4 and 7/4, whose sum 4 + 1 - 7/4 is less than that of the draws alone.
        ([[1, 2], [4, 7]], 4),
        # A draw's part 0 or 2 and a seed's: mean squares 4 and 4, of all 8 / 3: 1 + 1 - 2/3.
        ([[0, 2], [2, 4]], 4 / 3),
        # Draws and seeds with the same means: what is left are the runs, 1/3 / 4.
        ([[0, 1], [1, 0]], 1 / 12),
    ],
)
def test_runs_that_share_draws_and_seeds_have_a_wider_interval(cells, variance):
    runs = {(d, s): float(cells[d][s]) for d in (0, 1) for s in (0, 1)}
    found = statistics.spread(runs)
    assert found.half_width == pytest.approx(_TAN * math.sqrt(variance))
    assert found.n == 4 and statistics.shares(runs)


def test_the_errors_are_those_of_statsmodels_clusters():
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats import sandwich_covariance

    # Three draws, some with two seeds, some with three: no whole grid.
    values = np.random.default_rng(0).normal(size=7)
    groups = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)])
    fit = OLS(values, np.ones(7)).fit()
    of_draws, of_seeds, of_runs = (
        sandwich_covariance.cov_cluster(fit, each).item() for each in (*groups.T, np.arange(7))
    )
    wanted = max(of_draws + of_seeds - of_runs, of_draws, of_seeds, of_runs)
    runs = dict(zip(map(tuple, groups.tolist()), values, strict=True))
    error = statistics.spread(runs).half_width / (0.95 * math.sqrt(2 / (1 - 0.95**2)))
    assert error == pytest.approx(math.sqrt(wanted))


def test_an_interval_of_shared_draws_and_seeds_covers_what_it_says():
    # Three draws x three seeds, either with a part of variance 1 in common: Student's interval of
    # nine runs holds the truth in seven of ten cases only.
    random = np.random.default_rng(1)
    kept, naive = 0, 0
    for _ in range(200):
        draws, seeds = random.normal(size=(2, 3))
        runs = {(d, s): draws[d] + seeds[s] for d in range(3) for s in range(3)}
        found = statistics.spread(runs)
        kept += abs(found.mean) < found.half_width
        naive += abs(found.mean) < metrics.spread(list(runs.values())).half_width
    assert naive < 160 and kept > 186


def test_paired_test_by_hand():
    # Differences 1, 2, 3: mean 2, standard deviation 1, t = 2 / (1 / sqrt 3) = 3.4641 with two
    # degrees of freedom, where P(|T| > t) = 1 - t / sqrt(2 + t^2) = 1 - sqrt(12 / 14).
    mean, p = statistics.paired(_seeds(11.0, 12.0, 13.0), _seeds(10.0, 10.0, 10.0))
    assert mean == pytest.approx(2)
    assert p == pytest.approx(1 - math.sqrt(12 / 14))


def test_pairs_that_share_draws_and_seeds_are_not_so_many():
    # Differences 0, 2; 2, 4: mean 2, its variance 4/3 (above), t = sqrt 3 with one degree of
    # freedom: p = 1 - 2/pi atan(sqrt 3) = 1/3. Student's would be 0.092, of four pairs.
    own = {(d, s): 2.0 * d + 2.0 * s for d in (0, 1) for s in (0, 1)}
    mean, p = statistics.paired(own, dict.fromkeys(own, 0.0))
    assert (mean, p) == (2, pytest.approx(1 / 3))


@pytest.mark.parametrize("own", [[0.9], [0.9, 0.9, 0.9], [0.8, 0.8, 0.8]])
def test_differences_that_do_not_vary_have_no_p(own):
    mean, p = statistics.paired(_seeds(*own), _seeds(*[0.8] * len(own)))
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
