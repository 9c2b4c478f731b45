"""What `Method.fit` adds to Keras's callbacks, so that those of its users work as they expect."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# What `evaluate` gives of every method.
OWN_METRICS = ("loss", "accuracy", "cross_entropy")


class EpochMeans(keras.callbacks.Callback):
    """Gives the logs of an epoch as the means over its steps; Keras would give the last step's.

    Compiled metrics are means already. It must be the first of the callbacks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sums: dict[str, Any] = {}
        self._steps = 0
        self._compiled: dict[str, Any] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts over."""
        self._sums, self._steps, self._compiled = {}, 0, {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Adds a step's logs (of several steps in one execution, the last one's)."""
        for name, value in logs.items():
            self._sums[name] = self._sums.get(name, 0.0) + np.asarray(value)
        self._steps += 1

    def on_test_begin(self, logs: Any = None) -> None:
        """Reads the compiled metrics before a validation sets them back."""
        if self._steps and not self._compiled:
            self._compiled = self._metrics()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Puts the means in the place of the last step's logs."""
        compiled = self._compiled or self._metrics()
        for name, total in self._sums.items():
            value = compiled[name] if name in compiled else total / self._steps
            logs[name] = value if np.ndim(value) else float(value)

    def _metrics(self) -> dict[str, Any]:
        results = self.model.asked_metrics(self.model.get_metrics_result())
        return {name: np.array(value) for name, value in results.items()}


class SharedRate(keras.callbacks.Callback):
    """Moves all players' learning rates by the factor by which others moved the classifier's.

    A callback knows one optimizer, that of the model. Players whose rate is a schedule stay on it.
    It must be the last of the callbacks.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        """Notes the rates to start from."""
        self._rate = self._classifiers_rate()
        # The others' rates as multiples of the classifier's, when that was last above 0: one `fit`
        # may end at 0 where another goes on.
        self._ratios: dict[int, float] = self.model.__dict__.setdefault("_rate_ratios", {})
        self._note_ratios(self._rate)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Follows, for LearningRateScheduler."""
        self._follow()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Follows, for a warm-up by the step."""
        self._follow()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Follows, for ReduceLROnPlateau."""
        self._follow()

    def _classifiers_rate(self) -> float | None:
        optimizer = self.model.optimizer
        return None if _is_scheduled(optimizer) else float(_value(optimizer.learning_rate))

    def _follow(self) -> None:
        rate, before = self._classifiers_rate(), self._rate
        self._rate = rate
        if rate is None or before in (None, rate):
            return
        self._note_ratios(before)
        for number, optimizer in enumerate(self.model.other_optimizers()):
            # From 0, where a warm-up begins, no factor leads on.
            if not _is_scheduled(optimizer) and number in self._ratios:
                optimizer.learning_rate = self._ratios[number] * rate

    def _note_ratios(self, rate: float | None) -> None:
        """Notes the others' rates as multiples of the classifier's, unless that was 0."""
        if not rate:
            return
        for number, optimizer in enumerate(self.model.other_optimizers()):
            if not _is_scheduled(optimizer):
                self._ratios[number] = _value(optimizer.learning_rate) / rate


def direct(callbacks: Iterable[Any]) -> None:
    """Tells callbacks in mode "auto" which way is better; Keras knows compiled metrics only.

    Args:
        callbacks: of Keras; of what they monitor accuracies rise and all else falls.
    """
    for callback in callbacks:
        monitor = str(getattr(callback, "monitor", "")).removeprefix("val_")
        if getattr(callback, "mode", None) == "auto" and monitor in _DIRECTIONS:
            callback.mode = _DIRECTIONS[monitor]


_DIRECTIONS = {"accuracy": "max", "cross_entropy": "min", "objective": "min", "loss": "min"}


def _is_scheduled(optimizer: Any) -> bool:
    schedule = keras.optimizers.schedules.LearningRateSchedule
    return isinstance(optimizer._learning_rate, schedule)


def _value(rate: Any) -> float:
    return float(tf.convert_to_tensor(rate))
