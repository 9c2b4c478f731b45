"""The experiment: the one place that reads FLAGS, and what they say as one frozen dataclass."""

import copy
import dataclasses
import pathlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from absl import flags as absl_flags

from flags import data as data_flags
from flags import method as method_flags
from flags import model as model_flags
from flags import training as training_flags
from flags.define import KINDS, Kind
from flags.methods import DEFAULT_FORM, label
from trainers.errors import UsageError
from trainers.settings import cluster, command_line, contradictions, taken_flags, value_texts

FLAG_MODULES = (data_flags, method_flags, model_flags, training_flags)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a run is: the values of all flags, fields named as the flags are.

    Attributes:
        options: the flags of flags/method.py that were given, by name; those left out keep the
            method's own defaults.
        model_options: those of flags/model.py, likewise.
        brief: end with one line.
        test: look at the test images.
        stop_at: step at which to stop as if preempted, or None.
        connect_seconds: how long workers wait for one another.
    """

    workdir: str
    seed: int
    dataset: str
    data_dir: str | None
    download: bool
    stream: bool
    num_labeled: int
    num_validation: int
    balanced: bool
    scaling: str
    crop: bool
    crop_offset_max: int
    flip: bool
    labeled_batch_size: int
    unlabeled_batch_size: int
    joined_batch: bool
    epochwise: bool
    method: str
    model: str
    train_steps: int
    steps_per_epoch: int
    log_every: int
    checkpoint_every: int
    learning_rate: float
    beta_1: float
    epsilon_in_root: bool
    schedule: str
    decay_rate: float
    decay_start: float
    decay_delay: int
    decay_scale: float
    decay_floor: float
    late_beta_1: float | None
    ramp_up_epochs: float
    ramp_down_epochs: float
    ramp_by_step: bool
    early_beta_2: float | None
    precision: str
    jit: str
    strategy: str
    quiet: bool
    options: Mapping[str, Any]
    model_options: Mapping[str, Any]
    brief: bool = False
    test: bool = True
    stop_at: int | None = None
    connect_seconds: float = 300.0
    summary_every: int = 0
    profile_steps: str | None = None
    image_size: str | None = None
    tf32: str = "on"
    label_seed: int | None = None

    @property
    def split_seed(self) -> int:
        """What draws the labels and the validation images."""
        return self.seed if self.label_seed is None else self.label_seed

    @property
    def mask(self) -> str:
        """Where the mask lives, inductive or transductive, where one is trained."""
        return str(self.options.get("mask", DEFAULT_FORM))

    @property
    def label(self) -> str:
        """The method as the paper's tables call it."""
        return label(self.method, self.mask, self.options)


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
            flag = _copy(absl_flags.FLAGS[name])
            flag.unparse()
            values[name] = flag
    refuse_arguments(["", *command_line.parse(values, arguments)])
    return values


def _copy(flag: Any) -> Any:
    """A flag of its own value; how texts become values, and which are valid, it shares."""
    shared = [flag.parser, flag.serializer, *flag.validators]
    return copy.deepcopy(flag, {id(part): part for part in shared})


def given(values: absl_flags.FlagValues | None = None) -> dict[str, str]:
    """The experiment's flags that stand on the command line, as arguments, by name."""
    values = absl_flags.FLAGS if values is None else values
    return {name: values[name].serialize() for name in all_names() if values[name].present}


def refuse_arguments(argv: Sequence[str]) -> None:
    """Raises UsageError for arguments after the program's name that are no flags."""
    if len(argv) > 1:
        raise UsageError(f"flags start with --. Received: {' '.join(argv[1:])}")


def program_flags(*names: str) -> list[Any]:
    """The values of FLAGS that a program has of its own or shares with trainers.train."""
    return [absl_flags.FLAGS[name].value for name in names]


def refuse_untaken_flags(*names: str, where: str = "") -> None:
    """For programs that take some of the flags that are defined.

    Args:
        *names: of the flags that the program takes.
        where: under which circumstances it takes no others, for the message.

    Raises:
        UsageError: for a flag of this project that was given and is not among `names`.
    """
    for module, defined in absl_flags.FLAGS.flags_by_module_dict().items():
        for flag in defined:
            if module.startswith("flags.") and flag.present and flag.name not in names:
                raise UsageError(
                    f"this program has no flag --{flag.name}{where}; see --help. "
                    f"Received: {flag.serialize()}"
                )


def from_flags(values: absl_flags.FlagValues | None = None) -> Experiment:
    """Reads FLAGS, or flags that `parse` made.

    Raises:
        UsageError: for a missing --workdir, an unknown method or model, a flag that they do not
            take, or flags that contradict each other.
    """
    values = absl_flags.FLAGS if values is None else values
    if not values.workdir:
        raise UsageError("--workdir must name the directory of the run. Received: nothing")
    value_texts.refuse_in_environment("TFDS_DATA_DIR")
    options = _options(values, method_flags, "method")
    taken = taken_flags.of_method(values.method, values.mask)
    form = f" with --mask={values.mask or DEFAULT_FORM}" if "mask" in taken else ""
    taken_flags.refuse_others(options, taken, f"--method={values.method}{form}")
    model_options = _options(values, model_flags, "model")
    taken = taken_flags.of_model(values.model)
    taken_flags.refuse_others(model_options, taken, f"--model={values.model}")
    contradictions.check(values)
    fields = {field.name for field in dataclasses.fields(Experiment)}
    single: dict[str, Any] = {
        name: values[name].value for name in fields - {"options", "model_options"}
    }
    return Experiment(options=options, model_options=model_options, **single)


def each_seed() -> list[tuple[Experiment, str]]:
    """The experiments of this command line: one, or one for each of --seeds.

    Returns:
        (experiment, its flags, one a line) of each.

    Raises:
        UsageError: for --seeds that are none, or without a --workdir; see `from_flags`.
    """
    values = absl_flags.FLAGS
    if values.seeds is None:
        return [(from_flags(), to_flagfile())]
    workdir = values.workdir
    if not workdir:
        raise UsageError("--workdir must name the directory of the seeds' runs. Received: nothing")
    experiments = []
    for seed in _seeds(values.seeds):
        values["seed"].value = seed
        values["workdir"].value = str(pathlib.Path(workdir) / f"seed_{seed}")
        experiments.append((from_flags(), to_flagfile()))
    if len(experiments) > 1 and values.strategy == cluster.STRATEGY:
        raise UsageError(
            f"--strategy={cluster.STRATEGY} must come with one seed, for its processes end with "
            f"its run. Received: --strategy={cluster.STRATEGY} --seeds={values.seeds}"
        )
    return experiments


def _seeds(text: str) -> list[int]:
    words = text.split(",")
    if not all(re.fullmatch(r"\d+", word) for word in words) or len(set(words)) < len(words):
        raise UsageError(
            "--seeds must be different whole numbers with commas between, e.g. 1,2,3. "
            f"Received: --seeds={text}"
        )
    return [int(word) for word in words]


def to_flagfile(values: absl_flags.FlagValues | None = None) -> str:
    """The effective flags, one a line, usable as --flagfile: what the run is, but for its place."""
    values = absl_flags.FLAGS if values is None else values
    lines = []
    for module in FLAG_MODULES:
        for name in names_of(module):
            flag = values[name]
            if flag.value is not None and KINDS[name] is not Kind.CALL:
                lines.append(flag.serialize())
    return "\n".join(sorted(lines)) + "\n"


def flags_taken(experiment: Experiment) -> set[str]:
    """Names of all flags that the experiment's method, mask and model let one give."""
    names = set(all_names())
    names -= {*names_of(method_flags), *names_of(model_flags)} - {"method", "model"}
    names |= set(taken_flags.of_method(experiment.method, experiment.mask))
    return names | set(taken_flags.of_model(experiment.model))


def all_names(*, without: Collection[Kind] = ()) -> list[str]:
    """Names of the flags of an experiment, but for those of some kinds."""
    names = [name for module in FLAG_MODULES for name in names_of(module)]
    return [name for name in names if KINDS[name] not in without]


def names_of(module: Any) -> list[str]:
    """Names of the flags that a module of flags/ defines, in their order."""
    by_module = absl_flags.FLAGS.flags_by_module_dict()
    return [flag.name for flag in by_module[module.__name__]]


def _options(values: absl_flags.FlagValues, module: Any, choice: str) -> dict[str, Any]:
    """The flags of a module that were given, by name, without the one that says who takes them."""
    names = [name for name in names_of(module) if name != choice]
    return {name: values[name].value for name in names if values[name].value is not None}
