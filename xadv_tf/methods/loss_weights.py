"""The weights of a method's terms: those that `compile` is asked for, and which are refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np


class AskedWeights:
    """The weights that the last `compile` was given, in place of some of the constructor's.

    Both may change after `compile`: a `build` may set a weight that follows from the images.
    """

    def __init__(self) -> None:
        self._asked: dict[str, Any] = {}
        self._replaced: dict[str, Any] = {}

    def ask(self, asked: Mapping[str, Any], loss_weights: dict[str, Any]) -> None:
        """Puts weights into those of a method; what an earlier `compile` had put there goes.

        Args:
            asked: {term: weight}.
            loss_weights: of the method, changed in place.

        Raises:
            ValueError: for anything but weights of terms that are there.
        """
        fit = isinstance(asked, Mapping) and set(asked) <= set(loss_weights)
        if not fit or not all(map(_is_weight, asked.values())):
            raise ValueError(
                "loss_weights must be a dict of weights, finite numbers or functions of the step, "
                f"of the terms {', '.join(loss_weights)}. Received: loss_weights={asked!r}"
            )
        loss_weights.update(self._replaced)  # The constructor's come back.
        self._replaced = {}
        self._asked = dict(asked)
        self.put_into(loss_weights)

    def put_into(self, loss_weights: dict[str, Any]) -> None:
        """Puts what was asked for there again, after a `build` that may have set it otherwise."""
        for name, weight in self._asked.items():
            if loss_weights[name] is not weight:
                self._replaced[name] = loss_weights[name]
                loss_weights[name] = weight


def refuse_no_objective(objectives: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuses objectives, {name: {term: weight}}, that cannot be trained.

    Raises:
        ValueError: for a weight that is none, and where all of an objective are 0.
    """
    for name, weights in objectives.items():
        for term, weight in weights.items():
            if not _is_weight(weight):
                raise ValueError(
                    "the weight of a term must be a finite number or a function of the step. "
                    f"Received: {term}={weight}"
                )
        if weights and not any(callable(weight) or weight for weight in weights.values()):
            raise ValueError(
                f"one of the weights of {', '.join(weights)} must not be 0, or nothing is trained. "
                f"Received: {', '.join(f'{n}={w}' for n, w in weights.items())} in the {name}"
            )


def _is_weight(weight: Any) -> bool:
    """Whether something can weigh a term: a finite number or a function of the step."""
    if callable(weight):
        return True
    number = np.asarray(weight)
    return number.shape == () and number.dtype.kind in "biuf" and bool(np.isfinite(number))
