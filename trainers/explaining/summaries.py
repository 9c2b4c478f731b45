"""What is said of curves: areas and their intervals, and how they compare with a random order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.explaining import intervals, leaks
from trainers.explaining.explanations import RANDOM
from trainers.explaining.measuring import Result
from xadv_tf import attributions

Array = npt.NDArray[Any]
_CURVE_RESAMPLES = 500
MEASURES = ("deletion", "insertion")


def summarize(results: Sequence[Result], counts: Array) -> list[dict[str, Any]]:
    """A row for each result, ready for JSON.

    Args:
        results: among them the random order for each judge and way of switching off.
        counts: pixels exchanged at each point, [points].

    Returns:
        For deletion and insertion: the area under the probability's curve ("area") and under that
        of the share of images that keep their class ("agreement_area"), the area less that of the
        random order on the same images ("minus_random"), and the curve; means and 95 % intervals.
    """
    random = {
        (result.judge, result.switched_off): result
        for result in results
        if result.explanation == RANDOM
    }
    rows = []
    for result in results:
        other = random[result.judge, result.switched_off]
        row: dict[str, Any] = {
            "explanation": result.explanation,
            "judge": result.judge,
            "switched_off": result.switched_off,
        }
        for measure in MEASURES:
            row[measure] = _measured(result, other, measure, counts)
        rows.append(row)
    return rows


def _measured(result: Result, random: Result, measure: str, counts: Array) -> dict[str, Any]:
    curves = getattr(result, measure)
    areas = attributions.area(curves, counts)
    agreement = attributions.area(getattr(result, f"{measure}_agrees"), counts)
    others = attributions.area(getattr(random, measure), counts)
    # One call for the three: the same resampled images for all.
    three = intervals.of_mean(np.stack([areas, agreement, areas - others], axis=-1))
    names = ("area", "agreement_area", "minus_random")
    found = {
        name: intervals.Interval(three.mean[i], three.low[i], three.high[i]).report()
        for i, name in enumerate(names)
    }
    return {**found, "curve": intervals.of_mean(curves, resamples=_CURVE_RESAMPLES).report()}


def probe(name: str, features: Array, labels: Array) -> dict[str, Any]:
    """A row of the leak test, ready for JSON.

    Args:
        name: what the probe sees.
        features: [images, ...].
        labels: the classes that it is to tell, [images].

    Returns:
        {"seen", "accuracy": mean and interval, or None where it cannot be measured}.
    """
    right = leaks.right_predictions(features, labels)
    return {
        "seen": name,
        "accuracy": None if right is None else intervals.of_mean(right).report(),
    }


def doubts(whole: Mapping[str, Any], blind: Mapping[str, Any]) -> list[str]:
    """A note where the leak test cannot speak, for too few images: [] where it can.

    Args:
        whole: what `probe` gives of the images themselves.
        blind: of features that are the same for all images. It guesses the commonest class.
    """
    if whole["accuracy"] is None or whole["accuracy"]["low"] > blind["accuracy"]["mean"]:
        return []
    return [
        "Too few images for the leak test: the probe does not even tell the class from the images."
    ]
