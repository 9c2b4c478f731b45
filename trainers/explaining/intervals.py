"""Means over images, with bootstrap intervals, and means over runs, with Student's."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[Any]

_BATCH = 50  # Resamples at a time: bounds the memory.


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval.

    Attributes:
        mean, low, high: numbers or arrays of one shape.
    """

    mean: Any
    low: Any
    high: Any

    @property
    def half_width(self) -> Any:
        """Half of the interval's length."""
        return (self.high - self.low) / 2

    def report(self) -> dict[str, Any]:
        """Ready for JSON, to five digits behind the point."""
        return {
            name: np.round(value, 5).tolist() for name, value in dataclasses.asdict(self).items()
        }


def of_mean(values: Array, *, resamples: int = 1000, seed: int = 0) -> Interval:
    """The mean over images and its 95 % percentile bootstrap interval (Efron 1979).

    All columns are resampled with the same images, so that intervals of differences are paired.

    Args:
        values: [images, ...], of two images or more.
        resamples: of the images.
        seed: of the resampling.
    """
    values = np.asarray(values, np.float64)
    found = stats.bootstrap(
        (values,),
        np.mean,
        axis=0,
        n_resamples=resamples,
        batch=_BATCH,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(np.mean(values, axis=0), np.asarray(found.low), np.asarray(found.high))


def of_mean_over_runs(values: Array, *, bounds: tuple[float, float]) -> Interval:
    """The mean over runs and its 95 % interval, by Student's t.

    Args:
        values: [runs, ...], of two runs or more.
        bounds: beyond which no mean can lie; the interval is cut there.
    """
    values = np.asarray(values, np.float64)
    mean = np.mean(values, axis=0)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values, axis=0)
    return Interval(mean, *(np.clip(end, *bounds) for end in (mean - half, mean + half)))
