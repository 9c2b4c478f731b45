"""From flags to what changes with the step: learning rates, Adam's betas, weights, decays."""

from typing import Any

from trainers.settings.experiment import Experiment
from xadv_tf.optimizers import Ramp, schedules


def learning_rate(experiment: Experiment, initial: float) -> Any:
    """A number or a schedule that starts at (with ramps: rises to) `initial`."""
    if experiment.schedule == "exponential":
        return schedules.ExponentialEpochDecay(
            initial, rate=experiment.decay_rate, steps_per_epoch=experiment.steps_per_epoch
        )
    if experiment.schedule == "linear":
        return schedules.LinearEpochDecay(
            initial,
            epochs=_epochs(experiment),
            start=_decay_start(experiment),
            steps_per_epoch=experiment.steps_per_epoch,
            delay=experiment.decay_delay,
            scale=experiment.decay_scale,
            floor=experiment.decay_floor,
        )
    if experiment.schedule == "ramps":
        return _ramp(experiment, initial, up=experiment.ramp_up_epochs)
    return initial


def beta_1(experiment: Experiment) -> Any:
    """The classifier's: --beta_1, and --late_beta_1 once its learning rate falls."""
    if experiment.late_beta_1 is None:
        return experiment.beta_1
    if experiment.schedule == "ramps":
        return _ramp(experiment, experiment.beta_1, floor=experiment.late_beta_1)
    return schedules.EpochSwitch(
        experiment.beta_1,
        experiment.late_beta_1,
        start=_decay_start(experiment) + experiment.decay_delay,
        steps_per_epoch=experiment.steps_per_epoch,
    )


def beta_2(experiment: Experiment) -> Any:
    """The classifier's: 0.999, and --early_beta_2 while its learning rate rises."""
    if experiment.early_beta_2 is None:
        return 0.999
    return _switch(experiment, experiment.early_beta_2, 0.999, experiment.ramp_up_epochs)


def consistency(experiment: Experiment) -> dict[str, Any]:
    """Arguments of a `ConsistencyMethod` that change with the step, of the flags that say so."""
    options = experiment.options
    epochs = options.get("consistency_ramp_epochs")
    if epochs is None:
        return {}
    by_epoch = not experiment.ramp_by_step
    arguments: dict[str, Any] = {
        "consistency_weight": Ramp(
            options.get("consistency_weight", 1.0),
            steps_per_epoch=experiment.steps_per_epoch,
            up=epochs,
            by_epoch=by_epoch,
            off_in_first_epoch=by_epoch,
        )
    }
    if "early_teacher_decay" in options:
        arguments["teacher_decay"] = _switch(
            experiment, options["early_teacher_decay"], options.get("teacher_decay", 0.999), epochs
        )
    return arguments


def _ramp(experiment: Experiment, value: float, *, up: float = 0.0, floor: float = 0.0) -> Ramp:
    return Ramp(
        value,
        steps_per_epoch=experiment.steps_per_epoch,
        up=up,
        down=experiment.ramp_down_epochs,
        epochs=_epochs(experiment),
        floor=floor,
        by_epoch=not experiment.ramp_by_step,
    )


def _switch(experiment: Experiment, before: float, after: float, start: float) -> Any:
    return schedules.EpochSwitch(
        before, after, start=start, steps_per_epoch=experiment.steps_per_epoch
    )


def _epochs(experiment: Experiment) -> float:
    return experiment.train_steps / experiment.steps_per_epoch


def _decay_start(experiment: Experiment) -> float:
    # To a thousandth, for a share like 2/3 has no exact decimals and epochs are compared with it.
    return round(experiment.decay_start * _epochs(experiment), 3)
