"""Ends of colour scales: round numbers, so that pictures of several runs compare."""

import math


def round_up(largest: float) -> float:
    """The next of ..., 0.1, 0.2, 0.5, 1, 2, 5, 10, ...; 1 for 0, where there is nothing to show."""
    if not largest:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= largest)
