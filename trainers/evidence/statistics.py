"""What can be said of accuracies of several seeds, and of predictions on the same images.

By scipy and statsmodels, which are waited for when something is asked, not when this is imported.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from xadv_tf import metrics

# Accuracies, by (draw of labels, seed).
Runs = Mapping[tuple[int, int], float]

# Of McNemar's tests, and of intervals.
LEVEL = 0.05


@dataclasses.dataclass(frozen=True)
class Difference:
    """A method against another one, on the seeds that both have.

    Attributes:
        n: pairs of runs.
        mean: of the differences.
        p: of the test that their expectation is 0, see `paired`.
        better: pairs in which McNemar's test says at `LEVEL` that the first is the better one.
        worse: pairs in which it says the opposite.
        tested: pairs whose predictions were kept.
    """

    n: int
    mean: float
    p: float | None
    better: int = 0
    worse: int = 0
    tested: int = 0


def spread(runs: Runs) -> metrics.Spread:
    """Mean, standard deviation and interval of the mean, of at least one run.

    Runs on one draw of labels have its luck in common, and runs of one seed that seed's: nine runs
    of three draws and three seeds know less than nine of nine. The mean's variance is that of
    clusters of both kinds, V(draws) + V(seeds) - V(runs) (Cameron, Gelbach & Miller, JBES 2011),
    taken as no less than any of the three, and Student's t has one degree of freedom less than
    there are clusters of the rarer kind. That is Student's own interval where no two runs share a
    draw or a seed, and where all share one: then it speaks of that draw, or seed, alone.
    """
    values = list(runs.values())
    plain = metrics.spread(values)
    error, freedom = _error_of_mean(runs)
    if not freedom:
        return plain
    from scipy import stats

    half_width = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    return dataclasses.replace(plain, half_width=half_width)


def paired(own: Runs, other: Runs) -> tuple[float, float | None]:
    """Runs against runs of the same draws and seeds, at least one.

    Returns:
        The mean difference, and p, two-sided, of the hypothesis that its expectation is 0: of
        Student's paired test, by the error and the degrees of freedom of `spread`. None for a
        single pair, or where all differences are the same.
    """
    from scipy import stats

    differences = {run: own[run] - other[run] for run in own}
    values = list(differences.values())
    mean = float(np.mean(values))
    error, freedom = _error_of_mean(differences)
    if not freedom or np.ptp(values) <= 1e-12:
        return mean, None
    return mean, float(2 * stats.t.sf(abs(mean) / error, freedom))


def shares(runs: Runs) -> bool:
    """Whether some runs, but not all, share a draw or a seed."""
    kinds = [len(set(kind)) for kind in zip(*runs, strict=True)]
    return any(1 < count < len(runs) for count in kinds)


def _error_of_mean(runs: Runs) -> tuple[float, int]:
    """The standard error of the mean and its degrees of freedom, 0 for a single run."""
    values = np.array(list(runs.values()))
    # What all runs share makes no difference among them.
    kinds = [kind for kind in map(np.array, zip(*runs, strict=True)) if np.ptp(kind)]
    if not kinds:
        return float("nan"), 0
    by_kind = [_variance_of_mean(values, kind) for kind in kinds]
    by_run = _variance_of_mean(values, np.arange(len(values)))
    both = sum(by_kind) - by_run * (len(kinds) - 1)
    freedom = min(len(np.unique(kind)) for kind in kinds) - 1
    return float(max(both, by_run, *by_kind)) ** 0.5, freedom


def _variance_of_mean(values: np.ndarray, clusters: np.ndarray) -> float:
    """Of values whose deviations within a cluster may belong together, at least two clusters."""
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=values - np.mean(values))
    return float(len(sums) / (len(sums) - 1) * np.sum(np.square(sums)) / len(values) ** 2)


def mcnemar(own: np.ndarray, other: np.ndarray, labels: np.ndarray) -> tuple[int, int, float]:
    """McNemar's exact test between two classifiers on the same images.

    Args:
        own: the predicted classes of one, [images].
        other: those of the other.
        labels: the true classes.

    Returns:
        Images that only the one has right, images that only the other has right, and p, two-sided,
        of the hypothesis that both are equally likely (McNemar 1947; the binomial distribution).
    """
    from statsmodels.stats import contingency_tables

    right, other_right = own == labels, other == labels
    only_own = int(np.sum(right & ~other_right))
    only_other = int(np.sum(~right & other_right))
    table = [
        [int(np.sum(right & other_right)), only_own],
        [only_other, int(np.sum(~right & ~other_right))],
    ]
    return only_own, only_other, float(contingency_tables.mcnemar(table, exact=True).pvalue)


@dataclasses.dataclass(frozen=True)
class Variances:
    """How much of the spread is whose, of runs that vary the labels' draw and the seed apart.

    Attributes:
        draws: of the labels.
        seeds: of weights, batches and noise.
        draw: variance between draws of the labels.
        seed: variance between seeds.
        rest: what is left: the two together, and chance.
    """

    draws: int
    seeds: int
    draw: float
    seed: float
    rest: float

    def shares(self) -> tuple[float, float, float]:
        """The three as shares of their sum; NaN if nothing varies."""
        total = self.draw + self.seed + self.rest
        parts = (self.draw, self.seed, self.rest)
        if total < 1e-12:  # Rounding; an image of ten thousand makes 1e-9 of it.
            return float("nan"), float("nan"), float("nan")
        return tuple(part / total for part in parts)  # type: ignore[return-value]


def variances(values: Runs) -> Variances | None:
    """Components of variance of a two-way layout without repetition.

    With I draws, J seeds and mean squares MS: the variance of draws is (MS_draw - MS_rest) / J and
    that of seeds (MS_seed - MS_rest) / I, each at least 0 (Searle et al. 1992, section 4.3).

    Args:
        values: {(label_seed, seed): value}.

    Returns:
        None unless each of at least two draws was trained with each of at least two seeds. Draws
        that lack a seed that most of them have are left out.
    """
    draws, seeds = _grid(values)
    if len(draws) < 2 or len(seeds) < 2:
        return None
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    cells = [(draw, seed, values[draw, seed]) for draw in draws for seed in seeds]
    frame = pd.DataFrame(cells, columns=["draw", "seed", "value"])
    squares: Any = anova_lm(ols("value ~ C(draw) + C(seed)", frame).fit())["mean_sq"]
    rest = float(squares["Residual"])
    return Variances(
        draws=len(draws),
        seeds=len(seeds),
        draw=max(0.0, (float(squares["C(draw)"]) - rest) / len(seeds)),
        seed=max(0.0, (float(squares["C(seed)"]) - rest) / len(draws)),
        rest=rest,
    )


def _grid(values: Runs) -> tuple[list[int], list[int]]:
    """The draws and seeds of a whole grid within the cells: that with the most cells."""
    rows: dict[int, set[int]] = {}
    for draw, seed in values:
        rows.setdefault(draw, set()).add(seed)
    best: tuple[list[int], list[int]] = [], []
    for wanted in rows.values():
        for other in rows.values():
            seeds = wanted & other
            draws = [draw for draw, there in rows.items() if there >= seeds]
            if min(len(draws), len(seeds)) >= 2 and len(draws) * len(seeds) > len(best[0]) * len(
                best[1]
            ):
                best = sorted(draws), sorted(seeds)
    return best
