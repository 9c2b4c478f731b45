"""What can be said of accuracies of several seeds, and of predictions on the same images.

By scipy and statsmodels, which are waited for when something is asked, not when this is imported.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Of McNemar's tests, and of intervals.
LEVEL = 0.05


@dataclasses.dataclass(frozen=True)
class Difference:
    """A method against another one, on the seeds that both have.

    Attributes:
        n: pairs of runs.
        mean: of the differences.
        p: of Student's test that their expectation is 0, two-sided; None for a single pair, or
            where all differences are the same.
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


def paired(own: Sequence[float], other: Sequence[float]) -> tuple[float, float | None]:
    """The mean difference of pairs, at least one, and p of Student's paired test."""
    from scipy import stats

    differences = np.subtract(own, other)
    mean = float(np.mean(differences))
    if len(differences) < 2 or np.ptp(differences) <= 1e-12:
        return mean, None
    return mean, float(stats.ttest_rel(own, other).pvalue)


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


def variances(values: Mapping[tuple[int, int], float]) -> Variances | None:
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


def _grid(values: Mapping[tuple[int, int], float]) -> tuple[list[int], list[int]]:
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
