"""How sparse an array is: three measures, none of which needs to know what the numbers are of."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def share_below(values: Array, threshold: float) -> float:
    """Share of the values whose magnitude is below the threshold, in [0, 1].

    Args:
        values: any shape, not empty.
        threshold: in the values' units, >= 0.
    """
    return float(np.mean(np.abs(values) < threshold))


def hoyer(values: Array) -> float:
    """Hoyer's sparseness (JMLR 2004): 0 where all magnitudes are equal, 1 where one is not zero.

    (sqrt(n) - ||v||_1 / ||v||_2) / (sqrt(n) - 1), which no factor on v changes. Of many numbers
    from a normal law it is 1 - sqrt(2 / pi) = 0.20.

    Args:
        values: any shape, two numbers or more; NaN for zeros alone.
    """
    flat = np.asarray(values, np.float64).ravel()
    root = np.sqrt(flat.size)
    norm = float(np.linalg.norm(flat))
    if not norm:
        return float("nan")
    return float((root - np.sum(np.abs(flat)) / norm) / (root - 1))


def kurtosis(values: Array) -> float:
    """Fourth central moment by the square of the second: 3 of a normal law, 1.8 of a uniform one.

    Large where most values are near the mean and a few far off, hence for sparse weights.

    Args:
        values: any shape; NaN where all are equal.
    """
    centered = np.asarray(values, np.float64).ravel()
    centered = centered - np.mean(centered)
    variance = float(np.mean(centered**2))
    return float(np.mean(centered**4) / variance**2) if variance else float("nan")
