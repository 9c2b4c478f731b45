"""Runs of one experiment, explained one by one: what is said of them together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.explaining import intervals
from trainers.explaining.summaries import MEASURES

Report = Mapping[str, Any]
_KEY = ("explanation", "judge", "switched_off")
_SHARES = (0.0, 1.0)
# What a row has of each measure, and between what its means lie.
_BOUNDS = {
    "area": _SHARES,
    "agreement_area": _SHARES,
    "minus_random": (-1.0, 1.0),
    "curve": _SHARES,
}


def pool(reports: Sequence[Report]) -> dict[str, Any]:
    """Means over runs, with intervals that speak of other seeds and not of other images.

    Args:
        reports: of two runs or more that differ in their seed alone, as explain.json holds them.

    Returns:
        A report of the same form. In place of "workdir" and "seed" it has "workdirs" and "seeds";
        what single runs say of signs is left out, but for a note where they do not agree.
    """
    first = reports[0]
    referees = {
        way: {
            "workdirs": [report["referees"][way]["workdir"] for report in reports],
            "fill": about["fill"],
            "same_way": all(report["referees"][way]["same_way"] for report in reports),
            "accuracy": _mean([report["referees"][way]["accuracy"] for report in reports]),
        }
        for way, about in first["referees"].items()
    }
    shared = ("method", "model", "dataset", "scaling", "num_images", "counts")
    return {
        "workdirs": [report["workdir"] for report in reports],
        "seeds": [report["seed"] for report in reports],
        **{name: first[name] for name in shared},
        "accuracy": _mean([report["accuracy"] for report in reports]),
        "referees": referees,
        "notes": [*dict.fromkeys(note for r in reports for note in r["notes"]), *_turned(reports)],
        "leaks": [_leak(rows) for rows in zip(*(r["leaks"] for r in reports), strict=True)],
        "rows": [_row(rows) for rows in zip(*(r["rows"] for r in reports), strict=True)],
        "seconds": round(sum(report["seconds"] for report in reports), 1),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _over_runs(reports: Sequence[Report], bounds: tuple[float, float]) -> dict[str, Any]:
    means = np.array([report["mean"] for report in reports])
    return intervals.of_mean_over_runs(means, bounds=bounds).report()


def _row(rows: Sequence[Report]) -> dict[str, Any]:
    keys = {tuple(row[name] for name in _KEY) for row in rows}
    if len(keys) > 1:
        raise ValueError(f"the runs must have the same explanations. Received: {sorted(keys)}")
    measured = {
        measure: {
            name: _over_runs([row[measure][name] for row in rows], bounds)
            for name, bounds in _BOUNDS.items()
        }
        for measure in MEASURES
    }
    return {**{name: rows[0][name] for name in _KEY}, **measured}


def _leak(rows: Sequence[Report]) -> dict[str, Any]:
    accuracies = [row["accuracy"] for row in rows]
    known = all(accuracy is not None for accuracy in accuracies)
    return {"seen": rows[0]["seen"], "accuracy": _over_runs(accuracies, _SHARES) if known else None}


def _turned(reports: Sequence[Report]) -> list[str]:
    """A note for each mask that some runs turn round, for minus log_alpha serves deletion worse."""
    notes = []
    for name in reports[0]["signs_on_validation"]:
        tested = [report["signs_on_validation"][name] for report in reports]
        turned = sum(areas["-log_alpha"] > areas["+log_alpha"] for areas in tested)
        if 0 < turned < len(tested):
            notes.append(f"{name}: turned round in {turned} of {len(tested)} runs, by validation.")
    return notes
