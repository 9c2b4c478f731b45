"""Classes and predictions in the few letters that fit to an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Letters of a class's name that fit above an image, and with an arrow and a percentage below one.
HEADING, PREDICTION = 11, 6
CHANGED = "#c00000"


def class_name(label: Any, class_names: Sequence[str] | None, at_most: int) -> str:
    """What a class is called, shortened: its number where there are no names.

    Args:
        label: of the class.
        class_names: [classes], or None.
        at_most: letters, 2 or more.
    """
    name = str(label) if class_names is None else class_names[label]
    return name if len(name) <= at_most else f"{name[: at_most - 1]}…"


def likeliest(probabilities: Array, class_names: Sequence[str] | None) -> str:
    """The likeliest class and its probability, of [classes]."""
    name = class_name(np.argmax(probabilities), class_names, PREDICTION)
    return f"{name} ({100 * np.max(probabilities):.0f}%)"


def before_and_after(
    before: Array, after: Array, class_names: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Two lines for each image, and their colour, which tells where the predicted class changes.

    Args:
        before: probabilities for the clean images, [images, classes].
        after: for the perturbed ones, likewise.
        class_names: [classes], or None.
    """
    pairs = list(zip(before, after, strict=True))
    texts = [f"{likeliest(p, class_names)}\n→ {likeliest(q, class_names)}" for p, q in pairs]
    colors = [CHANGED if np.argmax(p) != np.argmax(q) else "black" for p, q in pairs]
    return texts, colors
