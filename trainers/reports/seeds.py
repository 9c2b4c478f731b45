"""Runs that differ in their seed alone, taken together: mean, spread and number of each group."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, console, table

from trainers.errors import UsageError
from trainers.run import results
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags
from xadv_tf import metrics

# The seed is what the runs of a group differ in.
_LEFT_OUT = ("seed", *run_flags.OF_PLACES)
# Already said by the method's label.
_IN_LABEL = ("method", "mask")
_SUMMARIZED = ("accuracy", "error", "negative_log_likelihood", "expected_calibration_error")


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs of one experiment.

    Attributes:
        label: the method's.
        flags: those that tell the group from others of that method; empty if it has none.
        workdirs: of its runs, by seed.
    """

    label: str
    flags: Sequence[str]
    workdirs: Sequence[str]


def group(workdirs: Sequence[str]) -> list[Group]:
    """Sorts runs into experiments, in the order in which these are first named.

    Raises:
        UsageError: if there is no run in a directory, or two runs are the same experiment with the
            same seed, which are not two samples.
    """
    labels: dict[frozenset[str], str] = {}
    seeds: dict[frozenset[str], dict[int, str]] = {}
    for workdir in workdirs:
        experiment, flags = _read(workdir)
        labels[flags] = experiment.label
        runs = seeds.setdefault(flags, {})
        if experiment.seed in runs:
            raise UsageError(
                "--workdir must name runs of different seeds or experiments. "
                f"Received: {runs[experiment.seed]} and {workdir}, both --seed={experiment.seed}"
            )
        runs[experiment.seed] = workdir
    groups = []
    for flags, runs in seeds.items():
        others = [other for other in labels if labels[other] == labels[flags]]
        own = sorted(flags - frozenset.intersection(*others))
        told = [line for line in own if _name(line) not in _IN_LABEL]
        groups.append(Group(labels[flags], told, [runs[seed] for seed in sorted(runs)]))
    return groups


def leave_out_unfinished(groups: Sequence[Group]) -> tuple[list[Group], list[str]]:
    """A run that stopped early is no sample of what a run of all its steps gives.

    Returns:
        The groups with their finished runs, those that have one, and the directories of the others.
    """
    kept, unfinished = [], []
    for group in groups:
        done = [run for run in group.workdirs if results.read(run) is not None]
        unfinished += [run for run in group.workdirs if run not in done]
        if done:
            kept.append(dataclasses.replace(group, workdirs=done))
    return kept, unfinished


def summarize(reports: Sequence[Mapping[str, Any]]) -> dict[str, metrics.Spread]:
    """The spread of each number over the runs of a group, from their evaluations' reports."""
    return {name: metrics.spread([report[name] for report in reports]) for name in _SUMMARIZED}


def report(group: Group, spreads: Mapping[str, metrics.Spread]) -> dict[str, Any]:
    """A group's numbers, ready for JSON; null for what a single run does not have."""
    numbers = {
        name: {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in dataclasses.asdict(spread).items()
        }
        for name, spread in spreads.items()
    }
    return {**dataclasses.asdict(group), **numbers}


def print_groups(
    groups: Sequence[tuple[Group, Mapping[str, metrics.Spread]]], *, split: str
) -> None:
    """Prints a row a group, and what the numbers mean.

    Args:
        groups: (group, what `summarize` gave).
        split: "test" or "validation".
    """
    # No room to spare at 80 columns.
    shown = table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    shown.add_column("method")
    for heading in ("n", "accuracy %", "95 % interval", "NLL", "ECE %"):
        shown.add_column(heading, justify="right", no_wrap=True)
    notes = []
    for number, (group, spreads) in enumerate(groups, start=1):
        label = group.label
        if group.flags:
            label += f" #{number}"
            notes.append(f"#{number}: {' '.join(group.flags)}")
        accuracy = spreads["accuracy"]
        shown.add_row(
            label,
            str(accuracy.n),
            accuracy.mean_and_std(100, 2),
            _interval(accuracy),
            spreads["negative_log_likelihood"].mean_and_std(1, 3),
            spreads["expected_calibration_error"].mean_and_std(100, 2),
        )
    screen = console.Console()
    screen.print(shown)
    for note in notes:
        screen.print(note, highlight=False, markup=False)
    images = {
        "test": "All seeds of a row are tested on the same images.",
        "validation": "Each seed has validation images of its own.",
    }
    screen.print(
        "Mean ± standard deviation over n seeds (divisor n - 1); the interval is that of the mean, "
        f"by Student's t. {images[split]}",
        highlight=False,
    )


def _read(workdir: str) -> tuple[experiment_lib.Experiment, frozenset[str]]:
    """The experiment, and those of its flags in which runs of a group agree."""
    values = run_flags.read(workdir)
    lines = experiment_lib.to_flagfile(values).splitlines()
    kept = frozenset(line for line in lines if _name(line) not in _LEFT_OUT)
    return experiment_lib.from_flags(values), kept


def _name(line: str) -> str:
    """Name of the flag in a line of a flagfile; booleans are written --name and --noname."""
    name = line.removeprefix("--").partition("=")[0]
    return "download" if name == "nodownload" else name


def _interval(spread: metrics.Spread) -> str:
    if spread.n < 2:
        return "-"
    return "–".join(f"{100 * end:.2f}" for end in spread.interval_of_shares())
