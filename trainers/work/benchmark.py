"""Timings of the training step, row by row, and their tables."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich import console

from trainers import errors
from trainers.benchmarking import (
    child,
    experiment_rows,
    experiment_table,
    setting_table,
    step_timing,
)
from trainers.benchmarking.timed_step import Setting
from trainers.run.provenance import provenance
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib
from trainers.settings.overriding import Planned

# The sizes of the experiments on MNIST and on CIFAR-10.
SETTINGS: dict[str, Setting] = {
    "mlp": Setting(
        model="mlp",
        image_shape=(28, 28, 1),
        labeled_batch_size=100,
        unlabeled_batch_size=250,
        num_labeled=100,
        num_pool=60_000,
    ),
    "conv_large": Setting(
        model="conv_large",
        image_shape=(32, 32, 3),
        labeled_batch_size=32,
        unlabeled_batch_size=128,
        num_labeled=4_000,
        num_pool=50_000,
    ),
}
_WIDTH = 100
_STEPS = 20


def measure(
    setting: Setting, names: Sequence[str], *, repeats: int, seconds: float
) -> dict[str, Any]:
    """Measures one setting in child processes; returns what `setting_table.summarize` takes.

    Args:
        setting: what the methods train.
        names: of flags.benchmark.TIMED.
        repeats: as for `step_timing.compare`.
        seconds: as for `step_timing.compare`.

    Raises:
        RuntimeError: a child failed; its own words are on stderr.
    """
    task = {"setting": dataclasses.asdict(setting), "repeats": repeats, "seconds": seconds}

    def run(kind: str, methods: Sequence[str]) -> dict[str, Any]:
        whole = {**task, "kind": kind, "methods": methods}
        return child.run(step_timing.__name__, whole, what=", ".join(methods))

    measured = run("times", names)
    for row in measured["rows"]:
        if "peak_memory_bytes" in row:
            continue
        child.report(f"  {row['method']}: measuring its memory")
        row["peak_memory_bytes"] = run("memory", [row["method"]])["bytes"]
    return measured


def run_settings(
    output: str | None,
    *,
    models: Sequence[str],
    precisions: Sequence[str],
    jits: Sequence[str],
    methods: Sequence[str],
) -> int:
    """Measures every combination of the first three, shows the tables; returns the exit status.

    Args:
        output: the file for all numbers, or None.
        models: keys of `SETTINGS`.
        precisions: names of Keras's dtype policies.
        jits: "off", "on"; none is "on" where there is a GPU.
        methods: of flags.benchmark.TIMED.
    """
    gpu = bool(tf.config.list_physical_devices("GPU"))
    settings = [
        dataclasses.replace(SETTINGS[model], precision=precision, jit=jit == "on")
        for model in models
        for precision in precisions
        for jit in jits or ["on" if gpu else "off"]
    ]
    report, screen = _begin()
    return _end(_measure_settings(settings, methods, report, screen), output)


def run_experiments(output: str | None, planned: dict[str, Planned]) -> int:
    """Measures the experiments, shows their tables; returns the exit status.

    Args:
        output: the file for all numbers, or None.
        planned: as `experiment_rows.plan` has it.
    """
    report, screen = _begin()
    return _end(_measure_experiments(planned, report, screen), output)


def _begin() -> tuple[dict[str, Any], console.Console]:
    report = {**provenance(), "numpy": np.__version__}
    screen = console.Console(width=_WIDTH)
    screen.print(f"{report['hardware']}; TensorFlow {tf.__version__}; commit {report['commit']}")
    return report, screen


def _end(done: bool, output: str | None) -> int:
    if output and done:
        print(f"All numbers, round by round: {output}")
    return 0 if done else errors.FAILED


def _measure_settings(
    settings: Sequence[Setting],
    methods: Sequence[str],
    report: dict[str, Any],
    screen: console.Console,
) -> bool:
    """Measures setting by setting, shows each one's table; returns whether all went well."""
    repeats, seconds = experiment_lib.program_flags("repeats", "seconds")
    report["settings"] = []
    for i, setting in enumerate(settings, 1):
        child.report(f"[{i}/{len(settings)}] {setting_table.describe(setting)}")
        try:
            measured = measure(setting, methods, repeats=repeats, seconds=seconds)
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return False
        summary = setting_table.summarize(setting, measured)
        screen.print(setting_table.make_table(setting, summary))
        report["settings"].append(summary)
        _keep(report)
    return True


def _measure_experiments(
    planned: dict[str, Planned], report: dict[str, Any], screen: console.Console
) -> bool:
    """Measures all experiments, shows their tables; returns whether all went well."""
    (steps,) = experiment_lib.program_flags("steps")
    steps = _STEPS if steps is None else steps
    report["experiments"] = []
    for row in experiment_rows.measure(planned, steps=steps):
        # The others may well run, and take long to: they are not given up.
        if isinstance(row, RuntimeError):
            print(f"error: {row}", file=sys.stderr)
            continue
        report["experiments"].append(row)
        _keep(report)
    for table in experiment_table.make_tables(report["experiments"]):
        screen.print(table)
    return len(report["experiments"]) == len(planned)


def _keep(report: dict[str, Any]) -> None:
    """Writes what is measured so far, so that it stays when a long run is stopped."""
    (output,) = experiment_lib.program_flags("output")
    if output:
        write_aside(pathlib.Path(output), json.dumps(report, indent=2) + "\n")
