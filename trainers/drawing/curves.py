"""Learning curves of runs, from their metrics.jsonl or records; those of several seeds are one."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.drawing.drawing import Drawing
from trainers.errors import UsageError
from trainers.evidence import record
from trainers.reports import seeds
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags
from xadv_tf import figures

# {(split, what metrics.jsonl calls it): (as axes call it, factor)}, those that are there.
_QUANTITIES: Mapping[tuple[str, str], tuple[str, float]] = {
    ("validation", "accuracy"): ("validation accuracy, %", 100.0),
    ("test", "accuracy"): ("test accuracy, %", 100.0),
    ("train", "cross_entropy"): ("cross-entropy, nats", 1.0),
    ("train", "divergence"): ("divergence D, nats", 1.0),
    ("train", "kept_pixels"): ("kept pixels, %", 100.0),
}
_METRICS = "metrics.jsonl"
RECORD = ".json"

_Log = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class _Group:
    """Runs of one experiment.

    Attributes:
        name: in the legend.
        about: what tells it from others of its method, or "".
        logs: of each run, lines of metrics.jsonl.
    """

    name: str
    about: str
    logs: Sequence[_Log]


def draw(workdirs: Sequence[str]) -> Drawing:
    """A panel for each quantity that the runs have logged, and in it a curve for each experiment.

    Test accuracy, which is measured once, at the end, is in no panel but is told.

    Args:
        workdirs: of runs, or files of records, which end in .json.

    Raises:
        UsageError: if a run cannot be read or has logged nothing.
    """
    of_records = all(workdir.endswith(RECORD) for workdir in workdirs)
    groups, datasets = _of_records(workdirs) if of_records else _of_runs(workdirs)
    panels: dict[str, list[figures.Curve]] = {}
    told = [f"{group.name}: {group.about}" for group in groups if group.about]
    for (split, quantity), (axis, factor) in _QUANTITIES.items():
        curves = []
        for group in groups:
            curve = _curve(group, split, quantity, factor)
            if curve is not None and len(curve.steps) > 1:
                curves.append(curve)
            if curve is not None and split != "train":
                told.append(_last(curve, axis))
        if curves:
            panels[axis] = curves
    if not panels:
        raise UsageError(
            "--workdir must name runs that have logged twice or more with --figure=curves. "
            f"Received: --workdir={','.join(workdirs)}"
        )
    most = max(len(group.logs) for group in groups)
    band = f": mean of up to {most} seeds ± one standard deviation" if most > 1 else ", one seed"
    data = " and ".join(dict.fromkeys(datasets))
    return Drawing(figures.draw_curves(panels, title=f"Training on {data}{band}"), told)


def _of_runs(workdirs: Sequence[str]) -> tuple[list[_Group], list[str]]:
    """The groups, and the data set of each run."""
    found = seeds.group(workdirs)
    groups = _numbered(
        [(each.label, each.flags, [_read(run) for run in each.workdirs]) for each in found]
    )
    experiments = [experiment_lib.from_flags(run_flags.read(run)) for run in workdirs]
    return groups, [experiment.dataset for experiment in experiments]


def _of_records(files: Sequence[str]) -> tuple[list[_Group], list[str]]:
    records = [record.read(pathlib.Path(file)) for file in files]
    by_flags: dict[tuple[str, ...], list[record.Record]] = {}
    for each in records:
        by_flags.setdefault(each.identity(without=record.SEEDS), []).append(each)
    rows = []
    for flags, own in by_flags.items():
        others = [other for other, runs in by_flags.items() if runs[0].label == own[0].label]
        shared = set.intersection(*map(set, others))
        about = [flag for flag in flags if flag not in shared]
        rows.append((own[0].label, about, [_lines(each.content["curve"]) for each in own]))
    return _numbered(rows), [str(each.content["dataset"]) for each in records]


def _numbered(rows: Sequence[tuple[str, Sequence[str], Sequence[_Log]]]) -> list[_Group]:
    """Groups of (label, flags, logs); with a number where a method has several experiments."""
    own = [label for label, _, _ in rows]
    groups = []
    for number, (label, flags, logs) in enumerate(rows, start=1):
        several = own.count(label) > 1
        name = f"{label} #{number}" if several else label
        groups.append(_Group(name, " ".join(flags) if several else "", logs))
    return groups


def _lines(curve: Mapping[str, Mapping[str, Sequence[Any]]]) -> _Log:
    """The lines of metrics.jsonl that a record's curve was made of."""
    return [
        {"split": split, **dict(zip(columns, values, strict=True))}
        for split, columns in curve.items()
        for values in zip(*columns.values(), strict=True)
    ]


def _read(workdir: str) -> _Log:
    file = pathlib.Path(workdir) / _METRICS
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        return []
    # A run that is still training may be in the middle of its last line.
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _curve(group: _Group, split: str, quantity: str, factor: float) -> figures.Curve | None:
    points = [
        {
            line["step"]: factor * line[quantity]
            for line in log
            if line["split"] == split and line.get(quantity) is not None
        }
        for log in group.logs
    ]
    steps = sorted(set().union(*points))
    if not steps:
        return None
    values = [[run.get(step, np.nan) for step in steps] for run in points if run]
    return figures.Curve(group.name, np.array(steps), np.array(values))


def _last(curve: figures.Curve, axis: str) -> str:
    # Of the runs that reached the last step: the others are not there yet.
    n, step = int(np.sum(np.isfinite(curve.values[:, -1]))), curve.steps[-1]
    spread = f" ± {curve.std[-1]:.2f}" if n > 1 else ""
    return f"{curve.label}: {axis} {curve.mean[-1]:.2f}{spread} after {step} steps, n={n}"
