"""Flags that contradict each other, where doing without one of them in silence would mislead."""

from collections.abc import Mapping

from absl import flags as absl_flags

from trainers.errors import UsageError
from trainers.settings import taken_flags

# Flags that act under some schedules only. At their defaults they ask for nothing.
_OF_SCHEDULE: Mapping[str, tuple[str, ...]] = {
    "decay_rate": ("exponential",),
    "decay_start": ("linear",),
    "decay_delay": ("linear",),
    "decay_scale": ("linear",),
    "decay_floor": ("linear",),
    "late_beta_1": ("linear", "ramps"),
    "ramp_up_epochs": ("ramps",),
    "ramp_down_epochs": ("ramps",),
    "early_beta_2": ("ramps",),
    "mask_decay": ("exponential", "linear", "ramps"),
}


def check(values: absl_flags.FlagValues) -> None:
    """Raises UsageError for the first contradiction between the flags of an experiment."""
    for name, schedules in _OF_SCHEDULE.items():
        if values[name].value not in (values[name].default, False):
            choices = " or ".join(schedules)
            _require(
                values.schedule in schedules,
                f"--{name} must come with --schedule={choices}, without which it does nothing",
                values,
                name,
                "schedule",
            )
    _require(
        values.crop or values.crop_offset_max == values["crop_offset_max"].default,
        "--crop_offset_max must come with --crop, without which it does nothing",
        values,
        "crop_offset_max",
    )
    _require(
        values.generator_width is None or (values.generator_depth or 1) > 1,
        "--generator_width must come with a --generator_depth of at least 2, for the last layer's "
        "width is --generator_channels",
        values,
        "generator_width",
    )
    _require(
        values.profile_steps is None
        or int(values.profile_steps.partition(":")[2]) <= values.train_steps,
        "--profile_steps must end within --train_steps",
        values,
        "profile_steps",
        "train_steps",
    )
    for name in ("crop", "flip"):
        _require(
            values.mask != "transductive" or not values[name].value,
            f"--mask=transductive must come without --{name}: its masks belong to the images as "
            "they are",
            values,
            "mask",
            name,
        )
    _require(
        not values.ramp_by_step
        or values.schedule == "ramps"
        or values.consistency_ramp_epochs is not None,
        "--ramp_by_step must come with --schedule=ramps or --consistency_ramp_epochs, without "
        "which it does nothing",
        values,
        "ramp_by_step",
        "schedule",
    )
    _require(
        values.early_teacher_decay is None or values.consistency_ramp_epochs is not None,
        "--early_teacher_decay must come with --consistency_ramp_epochs, at the end of which it "
        "gives way",
        values,
        "early_teacher_decay",
    )
    _require(
        not values.evaluate_ema or values.ema_decay is not None,
        "--evaluate_ema must come with --ema_decay",
        values,
        "evaluate_ema",
    )
    _require(
        not values.alternating_steps or len(taken_flags.parts(values.method)) == 1,
        "--alternating_steps must come with a --method that is not combined with another",
        values,
        "alternating_steps",
        "method",
    )
    _require(
        values.labeled_batch_size > 0 or values.unlabeled_batch_size > 0,
        "--labeled_batch_size or --unlabeled_batch_size must be positive",
        values,
        "labeled_batch_size",
        "unlabeled_batch_size",
    )
    _require(
        not values.joined_batch or min(values.labeled_batch_size, values.unlabeled_batch_size) > 0,
        "--joined_batch must come with labeled and unlabeled images",
        values,
        "joined_batch",
        "labeled_batch_size",
        "unlabeled_batch_size",
    )
    _require(
        (values.stop_at or 0) % values.steps_per_epoch == 0,
        "--stop_at must be a multiple of --steps_per_epoch",
        values,
        "stop_at",
        "steps_per_epoch",
    )
    _require(
        not 0 < values.num_labeled < values.labeled_batch_size,
        "--labeled_batch_size must be at most --num_labeled",
        values,
        "labeled_batch_size",
        "num_labeled",
    )
    _require(
        values.unlabeled_batch_size > 0
        or values.num_labeled == 0
        or taken_flags.SUPERVISED_METHODS.issuperset(taken_flags.parts(values.method)),
        f"--unlabeled_batch_size must be positive for --method={values.method} to see the "
        "unlabeled images that --num_labeled leaves",
        values,
        "unlabeled_batch_size",
        "num_labeled",
    )


def _require(holds: bool, otherwise: str, values: absl_flags.FlagValues, *names: str) -> None:
    if not holds:
        received = " ".join(values[name].serialize() for name in names)
        raise UsageError(f"{otherwise}. Received: {received}")
