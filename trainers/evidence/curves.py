"""The course of a run, from its metrics.jsonl: thinned for a record, and its beginning to the bit.

A curve is {split: {name: [values]}} with "step" among the names of each split.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Enough for a picture of a hand's width.
MOST_POINTS = 100
# Lines of the log that are kept to the last bit: what --verify can compare with.
_BEGINNING = 8
_DIGITS = 5
# They follow from the flags.
_LEFT_OUT = "learning_rate/"

Line = Mapping[str, Any]


def read(file: pathlib.Path) -> list[Line]:
    """The whole lines of a run's metrics.jsonl; none if there is no file.

    A number that is not finite is None, for a record is JSON, which has none.
    """
    if not file.exists():
        return []
    lines = file.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    return [json.loads(line, parse_constant=lambda name: None) for line in whole]


def beginning(lines: Sequence[Line]) -> list[Line]:
    """The first logs of the training, as they are."""
    return [line for line in lines if line["split"] == "train"][:_BEGINNING]


def thinned(lines: Sequence[Line]) -> dict[str, dict[str, list[Any]]]:
    """The curve at `MOST_POINTS` steps a split at most, with the last, to five digits.

    None stands where a line lacks what others of its split have.
    """
    curve = {}
    for split in dict.fromkeys(line["split"] for line in lines):
        own = [line for line in lines if line["split"] == split]
        kept = [own[i] for i in _positions(len(own))]
        names = dict.fromkeys(name for line in kept for name in line)
        curve[split] = {
            name: [_short(line.get(name)) for line in kept]
            for name in names
            if name != "split" and not name.startswith(_LEFT_OUT)
        }
    return curve


def _positions(count: int) -> list[int]:
    """`MOST_POINTS` of `count` positions at equal distances, or all; the last among them."""
    if count <= MOST_POINTS:
        return list(range(count))
    positions: list[int] = np.round(np.linspace(0, count - 1, MOST_POINTS)).astype(int).tolist()
    return positions


def _short(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
