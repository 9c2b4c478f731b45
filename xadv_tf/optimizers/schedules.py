"""Learning-rate schedules that change from epoch to epoch, as the papers' scripts have them."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="xadv_tf")
class ExponentialEpochDecay(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate * rate^epoch, constant within an epoch (MNIST in the xVAT scripts: rate .95).

    Args:
        learning_rate: of the first epoch.
        rate: factor per epoch, in (0, 1].
        steps_per_epoch: length of an epoch.

    Raises:
        ValueError: for arguments out of range.
    """

    def __init__(self, learning_rate: float, *, rate: float, steps_per_epoch: int) -> None:
        super().__init__()
        if not 0 < rate <= 1:
            raise ValueError(f"rate must be above 0 and at most 1. Received: rate={rate}")
        self.learning_rate = learning_rate
        self.rate = rate
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> tf.Tensor:
        """Learning rate at `step` (any integer or float tensor), elementwise."""
        epoch = tf.floor(tf.cast(step, tf.float32) / self.steps_per_epoch)
        return self.learning_rate * tf.pow(tf.constant(self.rate, tf.float32), epoch)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "rate": self.rate,
            "steps_per_epoch": self.steps_per_epoch,
        }


@keras.saving.register_keras_serializable(package="xadv_tf")
class LinearEpochDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant until epoch `start`, then learning_rate (epochs - e) / (epochs - start) in epoch e.

    VAT decays so; the xVAT scripts apply the value of e in epoch e + 1 (`delay` 1), and on CIFAR
    use half of it plus 1e-5 (`scale`, `floor`).

    Args:
        learning_rate: until the decay.
        epochs: length of training.
        start: epoch whose value is the first of the decay.
        steps_per_epoch: length of an epoch.
        delay: epochs by which each value takes effect late.
        scale: factor on the decaying value.
        floor: added to the decaying value.

    Raises:
        ValueError: unless 0 <= start < epochs.
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        epochs: float,
        start: float,
        steps_per_epoch: int,
        delay: int = 0,
        scale: float = 1.0,
        floor: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= start < epochs:
            raise ValueError(
                f"The decay must start in epoch 0 to {epochs} (exclusive). Received: start={start}"
            )
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.start = start
        self.steps_per_epoch = steps_per_epoch
        self.delay = delay
        self.scale = scale
        self.floor = floor

    def __call__(self, step: Any) -> tf.Tensor:
        """Learning rate at `step` (any integer or float tensor), elementwise."""
        epoch = tf.floor(tf.cast(step, tf.float32) / self.steps_per_epoch) - self.delay
        share = (self.epochs - epoch) / (self.epochs - self.start)
        decayed = self.scale * self.learning_rate * share + self.floor
        return tf.where(epoch < self.start, self.learning_rate, decayed)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "epochs": self.epochs,
            "start": self.start,
            "steps_per_epoch": self.steps_per_epoch,
            "delay": self.delay,
            "scale": self.scale,
            "floor": self.floor,
        }


@keras.saving.register_keras_serializable(package="xadv_tf")
class EpochSwitch(keras.optimizers.schedules.LearningRateSchedule):
    """One value before an epoch, another from it on: Adam's beta_1 in VAT and xVAT, .9 and .5.

    Args:
        before: value of the first epochs.
        after: value from epoch `start` on.
        start: counts from 0.
        steps_per_epoch: length of an epoch.
    """

    def __init__(self, before: float, after: float, *, start: float, steps_per_epoch: int) -> None:
        super().__init__()
        self.before = before
        self.after = after
        self.start = start
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> tf.Tensor:
        """Value at `step` (any integer or float tensor), elementwise."""
        epoch = tf.floor(tf.cast(step, tf.float32) / self.steps_per_epoch)
        return tf.where(epoch < self.start, self.before, self.after)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "before": self.before,
            "after": self.after,
            "start": self.start,
            "steps_per_epoch": self.steps_per_epoch,
        }
