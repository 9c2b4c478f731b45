"""How good a classifier's predictions are: numpy arrays in, numbers out; for evaluation alone.

By scipy, which is waited for when something is asked, not when this is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Guo et al. 2017, section 5.
NUM_BINS = 15


@dataclass(frozen=True)
class CalibrationBins:
    """Predictions by the probability of the predicted class, in bins of equal width.

    Attributes:
        edges: float64 [bins + 1], from 0 to 1; bin m holds what lies in (edges[m], edges[m + 1]].
        count: predictions in each bin, int64 [bins].
        confidence: mean probability of the predicted class in each bin; NaN in an empty one.
        accuracy: share of right predictions in each bin; NaN in an empty one.
    """

    edges: Array
    count: Array
    confidence: Array
    accuracy: Array

    @property
    def expected_calibration_error(self) -> float:
        """ECE of the predicted class, in [0, 1] (Guo et al. 2017, eq. 3).

        sum over bins of count / n |accuracy - confidence|: 0 where a prediction made with
        probability c is right in a share c of the cases.
        """
        full = self.count > 0
        gap = np.abs(self.accuracy[full] - self.confidence[full])
        return float(np.average(gap, weights=self.count[full]))


@dataclass(frozen=True)
class Spread:
    """Some values of one quantity, e.g. a run's accuracy under several seeds.

    Attributes:
        n: how many.
        mean: their mean.
        std: their standard deviation with divisor n - 1; NaN for one value.
        half_width: of the 95 % confidence interval of the mean, by Student's t with n - 1 degrees
            of freedom; NaN for one value.
    """

    n: int
    mean: float
    std: float
    half_width: float

    def interval_of_shares(self) -> tuple[float, float]:
        """The interval of values that lie in [0, 1]: its ends, none of them beyond 0 and 1."""
        return (
            float(np.clip(self.mean - self.half_width, 0.0, 1.0)),
            float(np.clip(self.mean + self.half_width, 0.0, 1.0)),
        )

    def mean_and_std(self, factor: float, digits: int) -> str:
        """Both times `factor`, with `digits` behind the point; of one value the mean alone."""
        mean = f"{factor * self.mean:.{digits}f}"
        return mean if self.n < 2 else f"{mean} ± {factor * self.std:.{digits}f}"


def softmax(logits: Array) -> Array:
    """Probabilities, float64 [examples, classes]."""
    from scipy import special

    return np.asarray(special.softmax(logits.astype(np.float64), axis=-1))


def negative_log_likelihood(logits: Array, labels: Array) -> float:
    """Mean of -log p_label in nats, from logits [examples, classes] and classes [examples]."""
    from scipy import special

    log_p = special.log_softmax(logits.astype(np.float64), axis=-1)
    return float(-np.mean(log_p[np.arange(len(labels)), labels]))


def brier_score(probabilities: Array, labels: Array) -> float:
    """Mean of sum_k (p_k - [k is the label])^2, in [0, 2] (Brier 1950, eq. 2)."""
    truth = np.eye(probabilities.shape[-1])[labels]
    return float(np.mean(np.sum(np.square(probabilities - truth), axis=-1)))


def calibration_bins(
    probabilities: Array, labels: Array, *, num_bins: int = NUM_BINS
) -> CalibrationBins:
    """Sorts predictions by their confidence.

    Args:
        probabilities: [examples, classes].
        labels: the true classes, [examples].
        num_bins: bins of equal width on [0, 1], at least 1.
    """
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    confidence = np.max(probabilities, axis=-1)
    right = np.argmax(probabilities, axis=-1) == labels
    place = np.digitize(confidence, edges[1:-1], right=True)
    count = np.bincount(place, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        return CalibrationBins(
            edges=edges,
            count=count,
            confidence=np.bincount(place, weights=confidence, minlength=num_bins) / count,
            accuracy=np.bincount(place, weights=right, minlength=num_bins) / count,
        )


def confusion_matrix(labels: Array, predictions: Array, num_classes: int) -> Array:
    """How many examples of class i (row) were taken for class j (column), int64 [K, K]."""
    cells = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def precision(confusion: Array) -> Array:
    """Share of the examples taken for a class that belong to it, [K]; NaN if there are none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(confusion) / np.sum(confusion, axis=0))


def recall(confusion: Array) -> Array:
    """Accuracy on each class's own examples, [K]; NaN if there are none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(confusion) / np.sum(confusion, axis=1))


def accuracy_interval(
    correct: int, total: int, *, confidence_level: float = 0.95
) -> tuple[float, float]:
    """Confidence interval of an accuracy over a finite test set (Wilson 1927, score interval).

    Args:
        correct: right predictions.
        total: all predictions, at least 1.
        confidence_level: in (0, 1).
    """
    from scipy import stats

    found = stats.binomtest(correct, total).proportion_ci(confidence_level, method="wilson")
    return float(found.low), float(found.high)


def spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and confidence interval of at least one value."""
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Spread(n, mean, float("nan"), float("nan"))
    from scipy import stats

    std = float(np.std(values, ddof=1))
    return Spread(n, mean, std, float(stats.t.ppf(0.975, n - 1)) * std / n**0.5)
