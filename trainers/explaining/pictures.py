"""The pictures of explanations: what they say of some images, and how a judge's answer changes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.explaining import summaries, switched_off
from trainers.explaining.measuring import CLASSIFIER, REFEREE
from trainers.run.split_data import Data
from xadv_tf import figures

Array = npt.NDArray[Any]
_SHOWN = 10  # Images in the picture of the maps.


def shown(
    image: Array, label: Array, truth: Array, maps: Mapping[str, Array], data: Data
) -> dict[str, Any]:
    """What the picture of the maps shows: an image of each class, rightly classified if any is.

    Args:
        image: scaled, [images, height, width, channels].
        label: the classes that they are given, [images].
        truth: their classes, [images].
        maps: {explanation: [images, height, width]}.
        data: has the classes' names.

    Returns:
        Arguments of `figures.draw_attributions`.
    """
    right = np.flatnonzero(label == truth)
    candidates = right if len(right) else np.arange(len(label))
    classes, first = (part[:_SHOWN] for part in np.unique(label[candidates], return_index=True))
    places = candidates[first]
    names = data.dataset.class_names
    return {
        "x": image[places],
        "labels": [str(names[k] if names else k)[:9] for k in classes],
        "maps": {name: values[places] for name, values in maps.items()},
    }


def draw(report: Mapping[str, Any], judge: str) -> Any:
    """The figure of one judge's curves."""
    rows = [row for row in report["rows"] if row["judge"] == judge]
    ways = list(dict.fromkeys(row["switched_off"] for row in rows))

    def panel(measure: str, way: str) -> figures.Panel:
        curves = [
            figures.MeanCurve(row["explanation"], **_arrays(row[measure]["curve"]))
            for row in rows
            if row["switched_off"] == way
        ]
        return figures.Panel(f"{measure}, off = {switched_off.WORDS[way]}", curves)

    counts, runs = np.array(report["counts"]), len(report.get("seeds", ()))
    who = {CLASSIFIER: "the classifier itself", REFEREE: "a referee trained with random masks"}
    return figures.draw_removal_curves(
        counts / counts[-1],
        [[panel(measure, way) for way in ways] for measure in summaries.MEASURES],
        xlabels=["share of pixels switched off", "share of pixels switched on"],
        title=f"{report['method']} on {report['dataset']}, {report['num_images']} test images"
        f"{f', {runs} runs' if runs else ''}: what {who[judge]} says",
    )


def _arrays(curve: Mapping[str, Sequence[float]]) -> dict[str, Array]:
    return {name: np.array(values) for name, values in curve.items()}
