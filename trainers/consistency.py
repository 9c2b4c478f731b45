"""Flags that contradict each other, where doing without one of them in silence would mislead."""

from collections.abc import Mapping

from absl import flags as absl_flags

from trainers import taken_flags
from trainers.command_line import UsageError

# Flags that act under some schedules only. At their defaults they ask for nothing.
_OF_SCHEDULE: Mapping[str, tuple[str, ...]] = {
    "decay_rate": ("exponential",),
    "decay_start": ("linear",),
    "decay_delay": ("linear",),
    "decay_scale": ("linear",),
    "decay_floor": ("linear",),
    "late_beta_1": ("linear",),
    "mask_decay": ("exponential", "linear"),
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
        not 0 < values.num_labeled < values.labeled_batch_size,
        "--labeled_batch_size must be at most --num_labeled",
        values,
        "labeled_batch_size",
        "num_labeled",
    )
    _require(
        values.unlabeled_batch_size > 0
        or values.num_labeled == 0
        or values.method in taken_flags.SUPERVISED_METHODS,
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
