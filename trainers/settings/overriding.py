"""Experiments from flagfiles, with overrides that go to those that take them."""

import dataclasses
import pathlib
from collections.abc import Mapping

from absl import flags as absl_flags

from flags.define import KINDS, Kind
from trainers import commands
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@dataclasses.dataclass(frozen=True)
class Planned:
    """One experiment.

    Attributes:
        arguments: of trainers.train: its flagfile, its workdir, the overrides that it takes.
        values: of its flags.
        experiment: the same, checked.
    """

    arguments: list[str]
    values: absl_flags.FlagValues
    experiment: experiment_lib.Experiment


def plan(
    workdirs: Mapping[pathlib.Path, str], overrides: Mapping[str, str], *, choice: str
) -> list[Planned]:
    """One experiment a flagfile, in their order.

    Args:
        workdirs: --workdir of each by its flagfile.
        overrides: arguments of trainers.train by the name of their flag, as `given` has them.
        choice: the argument that chose the flagfiles, for messages.

    Raises:
        UsageError: for a flagfile that is none, or an override that no experiment takes or that
            one refuses.
    """
    made = []
    unused = set(overrides)
    for file, workdir in workdirs.items():
        arguments = [f"--flagfile={commands.shown_path(file)}", f"--workdir={workdir}"]
        planned = experiment_lib.from_flags(experiment_lib.parse(arguments))
        # What tells the experiments of a table apart is not to be overridden for all of them.
        taken = {
            name for name in experiment_lib.flags_taken(planned) if KINDS[name] is not Kind.METHOD
        } - {"workdir"}
        used = [name for name in overrides if name in taken]
        unused.difference_update(used)
        arguments += [overrides[name] for name in used]
        values = experiment_lib.parse(arguments)
        made.append(Planned(arguments, values, experiment_lib.from_flags(values)))
    if unused:
        name = sorted(unused)[0]
        raise UsageError(
            f"no run of {choice} takes --{name} as an override. Received: {overrides[name]}"
        )
    return made
