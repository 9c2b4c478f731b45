"""The experiment: the one place that reads FLAGS, and what they say as one frozen dataclass."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags as absl_flags

from flags import data as data_flags
from flags import method as method_flags
from flags import training as training_flags
from trainers import command_line
from trainers.command_line import UsageError

FLAG_MODULES = (data_flags, method_flags, training_flags)

_GATE = ("beta", "gamma", "zeta")
_MASKED = ("divergence", "output_scale", "adversarial_weight", *_GATE)
_LOG_ALPHA = ("log_alpha_mean", "log_alpha_stddev")
_GENERATOR = (
    "generator_depth",
    "generator_width",
    "generator_pooling",
    "generator_channels",
    "generator_bias",
)
_TRAINED_MASK = (
    *_MASKED,
    "clean_weight",
    "sparsity",
    "l0_reduction",
    "smoothness",
    "alternating_steps",
    "mask",
    "mask_learning_rate",
    "mask_decay",
)

# Which of flags/method.py each method takes; masks by form take more (see `flags_taken`).
METHOD_FLAGS: Mapping[str, tuple[str, ...]] = {
    "mle": (),
    "at": ("epsilon", "norm", "clean_weight", "adversarial_weight"),
    "vat": ("epsilon", "xi", "num_power_iterations", "share_noise", "adversarial_weight"),
    "random_mask": (*_MASKED, *_LOG_ALPHA),
    "xat": _TRAINED_MASK,
    "xvat": _TRAINED_MASK,
}
MASK_FLAGS: Mapping[str, tuple[str, ...]] = {"inductive": _GENERATOR, "transductive": _LOG_ALPHA}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a run is: the values of all flags, fields named as the flags are.

    Attributes:
        options: the flags of flags/method.py that were given, by name; those left out keep the
            method's own defaults.
        brief: end with one line; of the program, not of the run, like `quiet` and `workdir`.
    """

    workdir: str
    seed: int
    dataset: str
    data_dir: str | None
    download: bool
    num_labeled: int
    num_validation: int
    balanced: bool
    scaling: str
    crop: bool
    flip: bool
    labeled_batch_size: int
    unlabeled_batch_size: int
    method: str
    model: str
    train_steps: int
    steps_per_epoch: int
    log_every: int
    checkpoint_every: int
    learning_rate: float
    schedule: str
    decay_rate: float
    decay_start: float
    precision: str
    jit: str
    strategy: str
    quiet: bool
    options: Mapping[str, Any]
    brief: bool = False

    @property
    def mask(self) -> str:
        """Where the mask lives, inductive or transductive, where one is trained."""
        return str(self.options.get("mask", "inductive"))


def parse(arguments: Sequence[str]) -> absl_flags.FlagValues:
    """What the flags of an experiment would be under these arguments, FLAGS left as they are.

    Args:
        arguments: of a command line, e.g. ["--flagfile=runs/a/config.flags", "--workdir=runs/a"].

    Raises:
        UsageError: for an argument that is no flag of an experiment, or a value out of range.
    """
    values = absl_flags.FlagValues()
    for module in FLAG_MODULES:
        for name in names_of(module):
            flag = copy.deepcopy(absl_flags.FLAGS[name])
            flag.unparse()
            values[name] = flag
    refuse_arguments(["", *command_line.parse(values, arguments)])
    return values


def given(values: absl_flags.FlagValues | None = None) -> dict[str, str]:
    """The experiment's flags that stand on the command line, as arguments, by name."""
    values = absl_flags.FLAGS if values is None else values
    names = [name for module in FLAG_MODULES for name in names_of(module)]
    return {name: values[name].serialize() for name in names if values[name].present}


def refuse_arguments(argv: Sequence[str]) -> None:
    """Raises UsageError for arguments after the program's name that are no flags."""
    if len(argv) > 1:
        raise UsageError(f"flags start with --. Received: {' '.join(argv[1:])}")


def program_flags(*names: str) -> list[Any]:
    """The values of FLAGS that a program has of its own or shares with trainers.train."""
    return [absl_flags.FLAGS[name].value for name in names]


def refuse_other_flags(*names: str) -> None:
    """For programs that do not make runs.

    Raises:
        UsageError: for a flag of an experiment that is not among `names`.
    """
    for name, argument in given().items():
        if name not in names:
            raise UsageError(
                f"this program takes {', '.join('--' + own for own in names)}; an experiment's "
                f"other flags are for trainers.train. Received: {argument}"
            )


def from_flags(values: absl_flags.FlagValues | None = None) -> Experiment:
    """Reads FLAGS, or flags that `parse` made.

    Raises:
        UsageError: for a missing --workdir, an unknown method, or a flag that the method does not
            take.
    """
    values = absl_flags.FLAGS if values is None else values
    if not values.workdir:
        raise UsageError("--workdir must name the directory of the run. Received: nothing")
    method = values.method
    if method not in METHOD_FLAGS:
        raise UsageError(
            f"--method must be one of {', '.join(METHOD_FLAGS)}. Received: --method={method}"
        )
    options = {
        name: values[name].value
        for name in names_of(method_flags)
        if name != "method" and values[name].value is not None
    }
    taken = flags_taken(method, options)
    for name in options:
        if name not in taken:
            form = f" with --mask={options.get('mask', 'inductive')}" if "mask" in taken else ""
            raise UsageError(
                f"--method={method}{form} does not take --{name}; it takes "
                f"{', '.join('--' + flag for flag in taken) or 'no flags of its own'}. "
                f"Received: --{name}={options[name]}"
            )
    fields = {field.name for field in dataclasses.fields(Experiment)} - {"options"}
    return Experiment(options=options, **{name: values[name].value for name in fields})


def to_flagfile(values: absl_flags.FlagValues | None = None) -> str:
    """The effective flags, one a line, usable as --flagfile: what the run is, but for its place."""
    values = absl_flags.FLAGS if values is None else values
    lines = []
    for module in FLAG_MODULES:
        for name in names_of(module):
            flag = values[name]
            if flag.value is not None and name not in ("workdir", "quiet", "brief"):
                lines.append(flag.serialize())
    return "\n".join(sorted(lines)) + "\n"


def flags_taken(method: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of flags/method.py the method takes; those of the mask depend on options["mask"].

    Raises:
        UsageError: for an unknown kind of mask.
    """
    names = METHOD_FLAGS[method]
    if "mask" not in names:
        return names
    form = options.get("mask", "inductive")
    if form not in MASK_FLAGS:
        raise UsageError(f"--mask must be one of {', '.join(MASK_FLAGS)}. Received: --mask={form}")
    return (*names, *MASK_FLAGS[form])


def names_of(module: Any) -> list[str]:
    """Names of the flags that a module of flags/ defines, in their order."""
    by_module = absl_flags.FLAGS.flags_by_module_dict()
    return [flag.name for flag in by_module[module.__name__]]
