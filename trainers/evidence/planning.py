"""The runs of a table, planned from its flagfiles: which there are, and how long they take."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from flags.methods import label, rows
from trainers.errors import UsageError
from trainers.evidence import rows as rows_lib
from trainers.run import results, status
from trainers.settings import experiment as experiment_lib
from trainers.settings import overriding, run_flags
from trainers.settings.command_line import EXPERIMENTS

# From the plainest method on, the first result after the shortest time; combinations come last.
_ORDER = [label(method, mask) for method, mask in rows().values()]
# How much shorter a quick run is: enough to see that all works, and no more.
QUICK = 20


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which runs of a table are wanted.

    Attributes:
        datasets: names of --dataset, without _cropped; empty for all.
        methods: names of flagfiles without the data set; empty for all.
        seeds: one run a row for each; empty for one run a row with its own seed.
        quick: a `QUICK`th of the steps.
    """

    datasets: Sequence[str] = ()
    methods: Sequence[str] = ()
    seeds: Sequence[int] = ()
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the table.

    Attributes:
        label: the method's name in the table.
        file: the flagfile.
        workdir: the run's directory.
        arguments: of trainers.train.
        config: what its config.flags will hold.
        experiment: what it trains.
        of_seed: whether the row has a run for each of several seeds.
    """

    label: str
    file: pathlib.Path
    workdir: pathlib.Path
    arguments: list[str]
    config: str
    experiment: experiment_lib.Experiment
    of_seed: bool = False

    @property
    def result(self) -> dict[str, Any] | None:
        """Its result.json, or None if it is not finished."""
        return results.read(self.workdir)

    @property
    def held(self) -> bool:
        """Whether another process is at work on it."""
        if not self.workdir.is_dir():
            return False
        try:
            with status.lock(self.workdir):
                return False
        except BlockingIOError:
            return True
        except OSError:  # A directory that cannot be written is for the run to complain of.
            return False


def plan(
    table: str | None, workdir: str | None, overrides: Mapping[str, str], choice: Choice
) -> list[Run]:
    """The runs of a table, in its order, seeds of a row beside each other.

    Args:
        table: a folder of flags/experiments, or several with commas between.
        workdir: the directory of all runs.
        overrides: arguments of trainers.train by the name of their flag, as `given` has them.
        choice: which of the runs.

    Raises:
        UsageError: for an unknown table, tables that would share a run's directory, no workdir, a
            directory of a run with other flags, an override that no run takes or that one refuses,
            or a choice of nothing.
    """
    if not workdir:
        raise UsageError("--workdir must name the directory of the table's runs. Received: nothing")
    root = pathlib.Path(workdir)
    files = _chosen(_files(table), choice)
    planned: list[tuple[pathlib.Path, overriding.Planned]] = []
    every: Sequence[int | None] = choice.seeds or (None,)
    for seed in every:
        of_seed = {} if seed is None else {"seed": f"--seed={seed}"}
        draw = overrides.get("label_seed", "").rpartition("=")[2]
        below = [*([f"labels_{draw}"] if draw else []), f"seed_{seed}"] if of_seed else []
        places = {file: str(root.joinpath(file.stem, *below)) for file in files}
        made = overriding.plan(places, {**overrides, **of_seed}, choice=f"--table={table}")
        planned += [
            (file, _shortened(one) if choice.quick else one)
            for file, one in zip(files, made, strict=True)
        ]
    runs = [
        Run(
            one.experiment.label,
            file,
            pathlib.Path(one.experiment.workdir),
            one.arguments,
            experiment_lib.to_flagfile(one.values),
            one.experiment,
            of_seed=bool(choice.seeds),
        )
        for file, one in planned
    ]
    for run in runs:
        run_flags.refuse_changed(run.workdir, run.config)
    # Stable: a row's seeds stay in their order.
    return sorted(runs, key=lambda run: (_rank(run.label), run.file.stem, run.file))


def files_in_order(table: str) -> list[pathlib.Path]:
    """The flagfiles of a table, from the plainest method on."""
    ranks = {file: _rank(rows_lib.experiment(file).label) for file in _files(table)}
    return sorted(ranks, key=lambda file: (ranks[file], file.stem))


def together(row: Sequence[Run]) -> list[str]:
    """The arguments of trainers.train that train runs of one row, which differ in their seed."""
    first = row[0]
    if not first.of_seed:
        return first.arguments
    own = (f"--workdir={first.workdir}", f"--seed={first.experiment.seed}")
    return [
        *(argument for argument in first.arguments if argument not in own),
        f"--workdir={first.workdir.parent}",
        f"--seeds={','.join(str(run.experiment.seed) for run in row)}",
    ]


def seeds(text: str | None) -> list[int]:
    """The seeds that --seeds asks for: 5 is five of them, from 1 on; 1,4 is those two.

    Raises:
        UsageError: for anything else.
    """
    if text is None:
        return []
    words = text.split(",")
    if all(word.isascii() and word.isdigit() for word in words) and len(set(words)) == len(words):
        numbers = [int(word) for word in words]
        if len(words) > 1:
            return numbers
        if numbers[0]:
            return list(range(1, numbers[0] + 1))
    raise UsageError(
        "--seeds must be how many runs each row has, or different seeds with commas between. "
        f"Received: --seeds={text}"
    )


def _files(table: str | None) -> list[pathlib.Path]:
    known = sorted({file.parent.name for file in EXPERIMENTS.glob("*/*.flags")})
    names = table.split(",") if table else []
    if not names or not set(names) <= set(known):
        raise UsageError(
            f"--table must be one of {', '.join(known)}, or several with commas between. "
            f"Received: {table or 'nothing'}"
        )
    files = [file for name in names for file in sorted((EXPERIMENTS / name).glob("*.flags"))]
    shared = sorted({file.stem for file in files if sum(f.stem == file.stem for f in files) > 1})
    if shared:
        raise UsageError(
            "--table must name tables whose experiments have different names, or one table for "
            f"each --workdir. Received: --table={table}, where {shared[0]} stands twice"
        )
    return files


def _chosen(files: Sequence[pathlib.Path], choice: Choice) -> list[pathlib.Path]:
    """The files of the wanted data sets and methods."""
    about = {file: _names(file) for file in files}
    for flag, wanted, place in (("datasets", choice.datasets, 0), ("methods", choice.methods, 1)):
        known = list(dict.fromkeys(names[place] for names in about.values()))
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise UsageError(
                f"--{flag} must name some of {', '.join(known)}. "
                f"Received: --{flag}={','.join(wanted)}"
            )
    chosen = [
        file
        for file, (dataset, method) in about.items()
        if (not choice.datasets or dataset in choice.datasets)
        and (not choice.methods or method in choice.methods)
    ]
    if not chosen:
        raise UsageError(
            "--methods must be there for --datasets. Received: "
            f"--datasets={','.join(choice.datasets)} --methods={','.join(choice.methods)}"
        )
    return chosen


def _names(file: pathlib.Path) -> tuple[str, str]:
    """("mnist", "vat") of mnist_vat.flags."""
    dataset = rows_lib.experiment(file).dataset.removesuffix("_cropped")
    return dataset, file.stem.removeprefix(f"{dataset}_")


def _shortened(one: overriding.Planned) -> overriding.Planned:
    """The same with as many epochs, each a `QUICK`th as long: the schedules keep their form."""
    whole = one.experiment
    per_epoch = max(1, whole.steps_per_epoch // QUICK)
    steps = max(1, whole.train_steps * per_epoch // whole.steps_per_epoch)
    arguments = [*one.arguments, f"--train_steps={steps}", f"--steps_per_epoch={per_epoch}"]
    values = experiment_lib.parse(arguments)
    return overriding.Planned(arguments, values, experiment_lib.from_flags(values))


def _rank(label: str) -> int:
    return _ORDER.index(label) if label in _ORDER else len(_ORDER)
