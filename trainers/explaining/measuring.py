"""Deletion and insertion of every explanation, on the classifier itself and on referees."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainers.explaining import explanations
from trainers.explaining.explanations import Explanation
from xadv_tf import attributions

Array = npt.NDArray[Any]
Predict = Callable[[Any], Any]

CLASSIFIER = "classifier"
REFEREE = "referee"
CHUNK = 100  # Images at a time.
_TIES = 0


@dataclasses.dataclass(frozen=True)
class Images:
    """What is explained.

    Attributes:
        image: scaled, float32 [images, height, width, channels].
        label: the class that the classifier gives each intact image, int32 [images].
        off: the images with all pixels switched off, by the name of the way; shape of `image`.
    """

    image: Array
    label: Array
    off: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Result:
    """What one judge says of one explanation under one way of switching off.

    Attributes:
        explanation: its name.
        judge: "classifier" or "referee".
        switched_off: name of the way.
        deletion, insertion: probability of the class over the points of the curve, [images,
            points].
        deletion_agrees, insertion_agrees: whether it is still the most probable, likewise.
    """

    explanation: str
    judge: str
    switched_off: str
    deletion: Array
    insertion: Array
    deletion_agrees: Array
    insertion_agrees: Array


def predict_labels(predict: Predict, image: Array) -> npt.NDArray[np.int32]:
    """The most probable classes, int32 [images]."""
    parts = [
        tf.argmax(predict(tf.constant(image[i : i + CHUNK])), axis=-1, output_type=tf.int32)
        for i in range(0, len(image), CHUNK)
    ]
    return np.concatenate([np.asarray(part) for part in parts])


class Judge:
    """A classifier that is asked about images of which pixels were exchanged.

    Args:
        name: "classifier" or "referee".
        predict: images -> logits.
        counts: pixels exchanged at each point, [points].
    """

    def __init__(self, name: str, predict: Predict, counts: Array) -> None:
        self.name = name
        self.counts = counts
        self._curves = tf.function(
            lambda image, off, rank, label: (
                attributions.deletion(predict, image, off, rank, label, counts),
                attributions.insertion(predict, image, off, rank, label, counts),
            )
        )

    def hear(self, explanation: str, way: str, images: Images, attribution: Array) -> Result:
        """Both curves of an explanation.

        Args:
            explanation: its name.
            way: in which pixels are switched off.
            images: explained.
            attribution: [images, height, width].
        """
        rank = np.asarray(attributions.ranks(attribution, seed=_TIES))
        arrays = (images.image, images.off[way], rank, images.label)
        parts = [
            self._curves(*(tf.constant(array[i : i + CHUNK]) for array in arrays))
            for i in range(0, len(images.image), CHUNK)
        ]
        deletion, insertion = (
            [np.concatenate([np.asarray(part[which][value]) for part in parts]) for value in (0, 1)]
            for which in (0, 1)
        )
        return Result(
            explanation, self.name, way, deletion[0], insertion[0], deletion[1], insertion[1]
        )


def signs(
    candidates: Sequence[Explanation], images: Images, judge: Judge
) -> dict[str, dict[str, float]]:
    """Which sign of log_alpha serves deletion better, on images that are in no table.

    Args:
        candidates: explanations made of masks: importance is minus log_alpha.
        images: of validation; the first way of switching off is looked at.
        judge: the classifier.

    Returns:
        {explanation: {"-log_alpha": area under the deletion curve, "+log_alpha": the same}}.
    """
    way = next(iter(images.off))
    found = {}
    for each in candidates:
        given = explanations.compute(each, images.image, images.label, images.off[way], chunk=CHUNK)
        found[each.name] = {
            name: float(
                np.mean(
                    attributions.area(
                        judge.hear(each.name, way, images, sign * given).deletion, judge.counts
                    )
                )
            )
            for name, sign in (("-log_alpha", 1.0), ("+log_alpha", -1.0))
        }
    return found


def attribute(each: Explanation, images: Images, sign: float) -> dict[str, Array]:
    """An explanation of all images, by the way of switching off.

    Args:
        each: explanation.
        images: to explain.
        sign: -1 turns the order of the pixels round.

    Raises:
        ValueError: for attributions that are not finite.
    """
    found: dict[str, Array] = {}
    for way, off in images.off.items():
        if found and not each.relative:
            found[way] = next(iter(found.values()))
            continue
        found[way] = sign * explanations.compute(each, images.image, images.label, off, chunk=CHUNK)
        if not np.all(np.isfinite(found[way])):
            raise ValueError(f"{each.name} must be finite. Received: NaN or infinity ({way})")
    return found
