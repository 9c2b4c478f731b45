"""Gaussian ramps of learning rates, momenta and weights of losses (Laine & Aila 2017)."""

from typing import Any

import keras
import tensorflow as tf

# Of exp(-c x^2): over the ramp up and over the ramp down.
_UP, _DOWN = 5.0, 12.5


@keras.saving.register_keras_serializable(package="xadv_tf")
class Ramp(keras.optimizers.schedules.LearningRateSchedule):
    """floor + (value - floor) u d, with u rising to 1 at the start, d falling from 1 at the end.

        u = exp(-5 (1 - t / up)^2)                      for t < up, then 1
        d = exp(-12.5 ((t - (epochs - down)) / down)^2)  in the last `down` epochs, before 1

    t is the epoch in the code of Pi-model and Temporal Ensembling, and step / steps_per_epoch in
    that of Mean Teacher. As a weight of a loss it is called with the step like any schedule.

    Args:
        value: between the ramps.
        steps_per_epoch: length of an epoch.
        up: epochs of the ramp up; 0 has none.
        down: epochs of the ramp down; 0 has none.
        epochs: length of training, needed for the ramp down.
        floor: what the ramps start from and end at.
        by_epoch: constant within an epoch.
        off_in_first_epoch: `floor` in all of epoch 0, as the weight of the consistency of Pi-model
            and Temporal Ensembling.

    Raises:
        ValueError: if the ramps overlap or do not fit the training.
    """

    def __init__(
        self,
        value: float,
        *,
        steps_per_epoch: int,
        up: float = 0.0,
        down: float = 0.0,
        epochs: float = 0.0,
        floor: float = 0.0,
        by_epoch: bool = False,
        off_in_first_epoch: bool = False,
    ) -> None:
        super().__init__()
        if min(up, down) < 0.0 or (down and up + down > epochs):
            raise ValueError(
                f"The ramps must fit the training of {epochs} epochs one after the other. "
                f"Received: up={up}, down={down}"
            )
        self.value = value
        self.steps_per_epoch = steps_per_epoch
        self.up = up
        self.down = down
        self.epochs = epochs
        self.floor = floor
        self.by_epoch = by_epoch
        self.off_in_first_epoch = off_in_first_epoch

    def __call__(self, step: Any) -> tf.Tensor:
        """Value at `step` (any integer or float tensor), float32, elementwise."""
        step = tf.cast(step, tf.float32)
        t = step / self.steps_per_epoch
        if self.by_epoch:
            t = tf.floor(t)
        exponent = tf.zeros_like(t)
        if self.up:
            exponent -= _UP * tf.square(tf.maximum(1.0 - t / self.up, 0.0))
        if self.down:
            begun = (t - (self.epochs - self.down)) / self.down
            exponent -= _DOWN * tf.square(tf.maximum(begun, 0.0))
        factor = tf.exp(exponent)
        if self.off_in_first_epoch:
            factor = tf.where(step < self.steps_per_epoch, 0.0, factor)
        return self.floor + (self.value - self.floor) * factor

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "value": self.value,
            "steps_per_epoch": self.steps_per_epoch,
            "up": self.up,
            "down": self.down,
            "epochs": self.epochs,
            "floor": self.floor,
            "by_epoch": self.by_epoch,
            "off_in_first_epoch": self.off_in_first_epoch,
        }
