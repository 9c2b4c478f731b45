"""Which flags a search varies: the ranges that belong to each method, and what --search says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import flags as absl_flags

from flags.define import KINDS, SEARCHES, Kind
from flags.methods import FORMS, METHODS
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, taken_flags

# Of TensorFlow: what is mistyped is told before.
_keras_tuner = program.Late("keras_tuner")

# Searching others would compare accuracies that cannot be compared, or none.
_SEARCHED = (Kind.METHOD, Kind.SETTING)
_FORMS = (
    "FLAG=log:LOW:HIGH, FLAG=linear:LOW:HIGH, FLAG=int:LOW:HIGH (LOW below HIGH, for log above 0), "
    "FLAG=choice:A,B,..., or FLAG alone"
)
# gRPC carries a worker's values as 32-bit floats; four digits survive that, and a person's reading.
_DIGITS = 4


def declared(experiment: experiment_lib.Experiment) -> dict[str, str]:
    """The ranges that an experiment's method brings along, by flag, as --search has them."""
    ranges = dict(SEARCHES)
    # A combination has none: its parts' weights would be searched against each other.
    if experiment.method in METHODS:
        ranges |= METHODS[experiment.method].search
    if any(METHODS[part].trains_mask for part in taken_flags.parts(experiment.method)):
        ranges |= FORMS[experiment.mask].search
    return ranges


def ranges(
    experiment: experiment_lib.Experiment, given: Iterable[str], search: Sequence[str]
) -> dict[str, str]:
    """The ranges of a search, by flag, in alphabetical order.

    Args:
        experiment: what a trial is, apart from what is searched.
        given: names of flags with a value of their own; they are fixed unless `search` names them.
        search: values of --search.

    Raises:
        UsageError: for a text that is no range, a flag that cannot be searched, or no range at all.
    """
    known = declared(experiment)
    found = {name: text for name, text in known.items() if name not in set(given)}
    named = set()
    for argument in search:
        name, _, text = argument.partition("=")
        if name not in experiment_lib.flags_taken(experiment) or KINDS[name] not in _SEARCHED:
            raise UsageError(
                f"--search must name a flag that --method={experiment.method} --model="
                f"{experiment.model} takes and that leaves data, steps and seeds alone. "
                f"Received: --search={argument}"
            )
        if name in named:
            raise UsageError(f"--search must name a flag once. Received: --search={argument} again")
        if "=" not in argument and name not in known:
            raise UsageError(
                f"--search must give a range for --{name}, for which --method={experiment.method} "
                f"declares none: {_FORMS}. Received: --search={argument}"
            )
        named.add(name)
        found[name] = text if "=" in argument else known[name]
    if not found:
        raise UsageError("--search must name a flag, for all others are given. Received: nothing")
    for name, text in found.items():
        _parse(name, text)
    return dict(sorted(found.items()))


def hyperparameters(ranges: Mapping[str, str]) -> Any:
    """The search space that keras-tuner draws from, its names those of the flags."""
    space = _keras_tuner.HyperParameters()
    for name, text in ranges.items():
        _add(space, name, text)
    return space


def points(hyperparameter: Any) -> list[Any]:
    """What a grid tries of a hyper-parameter: every choice; of a range both ends and the middle."""
    if isinstance(hyperparameter, _keras_tuner.engine.hyperparameters.Choice):
        return list(hyperparameter.values)
    return list(dict.fromkeys(hyperparameter.prob_to_value(share) for share in (0.0, 0.5, 1.0)))


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """A trial's values by flag, numbers rounded to four digits: what is trained is what is shown.

    Args:
        values: of keras-tuner, which has some of its own among them, like tuner/epochs.
    """
    return {
        name: f"{value:.{_DIGITS}g}" if isinstance(value, float) else str(value)
        for name, value in values.items()
        if name in absl_flags.FLAGS
    }


def arguments(values: Mapping[str, Any]) -> dict[str, str]:
    """The same as arguments of a command line, by flag."""
    return {name: f"--{name}={text}" for name, text in texts(values).items()}


def _add(space: Any, name: str, text: str) -> None:
    kind, values = _parse(name, text)
    if kind == "choice":
        space.Choice(name, values)
    elif kind == "int":
        space.Int(name, *values)
    else:
        space.Float(name, *values, sampling=kind)


def _parse(name: str, text: str) -> tuple[str, list[Any]]:
    """The kind of a range, and its ends or choices. Raises UsageError for what is no range."""
    kind, _, rest = text.partition(":")
    parser = absl_flags.FLAGS[name].parser
    number = int if isinstance(parser, absl_flags.IntegerParser) else float
    try:
        if kind == "choice":
            choices = rest.split(",")
            if len({*choices} - {""}) < max(2, len(choices)):
                raise ValueError("two different choices at least")
            # As they are typed: a number would lose digits on its way to a worker.
            return kind, choices
        low, high = map(number, rest.split(":"))
        if not low < high or not math.isfinite(high - low) or (kind == "log" and low <= 0):
            raise ValueError("no range")
        fits = kind == "int" and number is int
        fits |= kind in ("log", "linear") and isinstance(parser, absl_flags.FloatParser)
        if not fits:
            raise ValueError("no such range of such a flag")
    except ValueError as error:
        raise UsageError(f"--search must be {_FORMS}. Received: --search={name}={text}") from error
    return kind, [low, high]
