"""Learning curves of runs, from their metrics.jsonl; runs that differ in their seed are one."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.drawing.drawing import Drawing
from trainers.errors import UsageError
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


def draw(workdirs: Sequence[str]) -> Drawing:
    """A panel for each quantity that the runs have logged, and in it a curve for each experiment.

    Test accuracy, which is measured once, at the end, is in no panel but is told.

    Raises:
        UsageError: if a run cannot be read or has logged nothing.
    """
    groups = seeds.group(workdirs)
    logs = {workdir: _read(workdir) for workdir in workdirs}
    names = _names(groups)
    panels: dict[str, list[figures.Curve]] = {}
    told: list[str] = []
    for (split, quantity), (axis, factor) in _QUANTITIES.items():
        curves = []
        for group, name in zip(groups, names, strict=True):
            curve = _curve(name, [logs[run] for run in group.workdirs], split, quantity, factor)
            if curve is not None and len(curve.steps) > 1:
                curves.append(curve)
            if curve is not None and split != "train":
                told.append(_last(curve, axis))
        if curves:
            panels[axis] = curves
    for group, name in zip(groups, names, strict=True):
        if name != group.label:
            told.append(f"{name}: {' '.join(group.flags)}")
    if not panels:
        raise UsageError(
            "--workdir must name runs that have logged twice or more with --figure=curves. "
            f"Received: --workdir={','.join(workdirs)}"
        )
    experiments = [experiment_lib.from_flags(run_flags.read(run)) for run in workdirs]
    data = " and ".join(dict.fromkeys(experiment.dataset for experiment in experiments))
    most = max(len(group.workdirs) for group in groups)
    band = f": mean of up to {most} seeds ± one standard deviation" if most > 1 else ", one seed"
    return Drawing(figures.draw_curves(panels, title=f"Training on {data}{band}"), told)


def _names(groups: Sequence[seeds.Group]) -> list[str]:
    """Methods' labels; with a number where a method has several experiments, see `seeds.group`."""
    own = [group.label for group in groups]
    return [
        f"{label} #{number}" if own.count(label) > 1 else label
        for number, label in enumerate(own, start=1)
    ]


def _read(workdir: str) -> list[Mapping[str, Any]]:
    file = pathlib.Path(workdir) / _METRICS
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        return []
    # A run that is still training may be in the middle of its last line.
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _curve(
    name: str, logs: Sequence[Sequence[Mapping[str, Any]]], split: str, quantity: str, factor: float
) -> figures.Curve | None:
    points = [
        {
            line["step"]: factor * line[quantity]
            for line in log
            if line["split"] == split and line.get(quantity) is not None
        }
        for log in logs
    ]
    steps = sorted(set().union(*points))
    if not steps:
        return None
    values = [[run.get(step, np.nan) for step in steps] for run in points if run]
    return figures.Curve(name, np.array(steps), np.array(values))


def _last(curve: figures.Curve, axis: str) -> str:
    spread = f" ± {curve.std[-1]:.2f}" if len(curve.values) > 1 else ""
    n, step = len(curve.values), curve.steps[-1]
    return f"{curve.label}: {axis} {curve.mean[-1]:.2f}{spread} after {step} steps, n={n}"
