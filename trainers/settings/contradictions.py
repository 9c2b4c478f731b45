"""Flags that contradict each other: to ignore one of them in silence would mislead."""

import dataclasses
from collections.abc import Callable, Sequence

from absl import flags as absl_flags

from flags.methods import METHODS
from trainers.errors import UsageError
from trainers.settings import taken_flags


@dataclasses.dataclass(frozen=True)
class Rule:
    """What must hold between the flags of an experiment.

    Attributes:
        flags: the flags that a breach shows with their values; the first is the one to mend.
        holds: the values of all flags -> whether all is well.
        otherwise: what the sentence says of a breach, before what was received; {method} stands
            for the value of --method.
    """

    flags: Sequence[str]
    holds: Callable[[absl_flags.FlagValues], bool]
    otherwise: str


def _acts_under(flag: str, *schedules: str) -> Rule:
    """The flag acts under some schedules only; at its default it asks for nothing."""
    return Rule(
        (flag, "schedule"),
        lambda v: v[flag].value in (v[flag].default, False) or v.schedule in schedules,
        f"--{flag} must come with --schedule={' or '.join(schedules)}, without which it does "
        "nothing",
    )


def _moves_images(flag: str) -> Rule:
    return Rule(
        ("mask", flag),
        lambda v: v.mask != "transductive" or not v[flag].value,
        f"--mask=transductive must come without --{flag}: its masks belong to the images as they "
        "are",
    )


def _sees_unlabeled(values: absl_flags.FlagValues) -> bool:
    return any(METHODS[part].unlabeled for part in taken_flags.parts(values.method))


RULES = (
    _acts_under("decay_rate", "exponential"),
    _acts_under("decay_start", "linear"),
    _acts_under("decay_delay", "linear"),
    _acts_under("decay_scale", "linear"),
    _acts_under("decay_floor", "linear"),
    _acts_under("late_beta_1", "linear", "ramps"),
    _acts_under("ramp_up_epochs", "ramps"),
    _acts_under("ramp_down_epochs", "ramps"),
    _acts_under("early_beta_2", "ramps"),
    _acts_under("mask_decay", "exponential", "linear", "ramps"),
    Rule(
        ("crop_offset_max",),
        lambda v: v.crop or v.crop_offset_max == v["crop_offset_max"].default,
        "--crop_offset_max must come with --crop, without which it does nothing",
    ),
    Rule(
        ("fill", "scaling"),
        lambda v: v.fill != "black" or v.scaling not in ("standardized", "gcn", "zca_gcn"),
        "--fill=black must come with a --scaling under which black is the same in every image",
    ),
    Rule(
        ("generator_width",),
        lambda v: v.generator_width is None or (v.generator_depth or 1) > 1,
        "--generator_width must come with a --generator_depth of at least 2, for the last layer's "
        "width is --generator_channels",
    ),
    Rule(
        ("profile_steps", "train_steps"),
        lambda v: (
            v.profile_steps is None or int(v.profile_steps.partition(":")[2]) <= v.train_steps
        ),
        "--profile_steps must end within --train_steps",
    ),
    _moves_images("crop"),
    _moves_images("flip"),
    Rule(
        ("ramp_by_step", "schedule"),
        lambda v: (
            not v.ramp_by_step or v.schedule == "ramps" or v.consistency_ramp_epochs is not None
        ),
        "--ramp_by_step must come with --schedule=ramps or --consistency_ramp_epochs, without "
        "which it does nothing",
    ),
    Rule(
        ("early_teacher_decay",),
        lambda v: v.early_teacher_decay is None or v.consistency_ramp_epochs is not None,
        "--early_teacher_decay must come with --consistency_ramp_epochs, at the end of which it "
        "gives way",
    ),
    Rule(
        ("evaluate_ema",),
        lambda v: not v.evaluate_ema or v.ema_decay is not None,
        "--evaluate_ema must come with --ema_decay",
    ),
    Rule(
        ("alternating_steps", "method"),
        lambda v: not v.alternating_steps or len(taken_flags.parts(v.method)) == 1,
        "--alternating_steps must come with a --method that is not combined with another",
    ),
    Rule(
        ("labeled_batch_size", "unlabeled_batch_size"),
        lambda v: v.labeled_batch_size > 0 or v.unlabeled_batch_size > 0,
        "--labeled_batch_size or --unlabeled_batch_size must be positive",
    ),
    Rule(
        ("joined_batch", "labeled_batch_size", "unlabeled_batch_size"),
        lambda v: not v.joined_batch or min(v.labeled_batch_size, v.unlabeled_batch_size) > 0,
        "--joined_batch must come with labeled and unlabeled images",
    ),
    Rule(
        ("stop_at", "steps_per_epoch"),
        lambda v: (v.stop_at or 0) % v.steps_per_epoch == 0,
        "--stop_at must be a multiple of --steps_per_epoch",
    ),
    Rule(
        ("labeled_batch_size", "num_labeled"),
        lambda v: not 0 < v.num_labeled < v.labeled_batch_size,
        "--labeled_batch_size must be at most --num_labeled",
    ),
    Rule(
        ("unlabeled_batch_size", "num_labeled"),
        lambda v: v.unlabeled_batch_size > 0 or v.num_labeled == 0 or not _sees_unlabeled(v),
        "--unlabeled_batch_size must be positive for --method={method} to see the unlabeled "
        "images that --num_labeled leaves",
    ),
)


def check(values: absl_flags.FlagValues) -> None:
    """Raises UsageError for the first rule that the flags of an experiment break."""
    for rule in RULES:
        if not rule.holds(values):
            received = " ".join(values[name].serialize() for name in rule.flags)
            otherwise = rule.otherwise.format(method=values.method)
            raise UsageError(f"{otherwise}. Received: {received}")
