"""Times the training step of every method: python -m trainers.benchmark --output=FILE.json.

On synthetic data of two settings, or on the real data of experiments:

python -m trainers.benchmark --experiments='flags/experiments/digits/*.flags' --steps=20
"""

import dataclasses
import functools
import json
import os
import pathlib
import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich import console

import flags.benchmark
import flags.programs  # noqa: F401 (these define the flags below)
from trainers.benchmarking import (
    child,
    experiment_rows,
    experiment_table,
    setting_table,
    step_timing,
)
from trainers.benchmarking.timed_step import Setting
from trainers.errors import UsageError
from trainers.run.provenance import provenance
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
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
_PRECISIONS = ("float32", "mixed_bfloat16")
_JIT = ("off", "on")
_OF_SETTINGS = ("models", "methods", "precisions", "jits", "repeats", "seconds", "output")
_OF_EXPERIMENTS = ("experiments", "steps", "output", *experiment_rows.FLAGS)
_FLAGS = tuple(dict.fromkeys((*_OF_SETTINGS, *_OF_EXPERIMENTS)))
_WIDTH = 100


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
        child.report(f"  {row['method']}: measuring its memory")
        row["peak_memory_bytes"] = run("memory", [row["method"]])["bytes"]
    return measured


def main(argv: list[str]) -> int:
    """Reads the flags, measures row by row, shows the tables."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        output, patterns = experiment_lib.program_flags("output", "experiments")
        if patterns is None:
            experiment_lib.refuse_untaken_flags(*_OF_SETTINGS, where=" without --experiments")
            settings, methods = (
                _settings(),
                _chosen("methods", flags.benchmark.TIMED, flags.benchmark.TIMED_BY_DEFAULT),
            )
        else:
            experiment_lib.refuse_untaken_flags(*_OF_EXPERIMENTS, where=" with --experiments")
            planned = experiment_rows.plan(patterns)
        if output and not _can_hold_a_file(pathlib.Path(output)):
            raise UsageError(
                "--output must name a file in a folder that can be written. "
                f"Received: --output={output}"
            )
    except ValueError as error:
        return program.mistake(error)
    report = {**provenance(), "numpy": np.__version__}
    screen = console.Console(width=_WIDTH)
    screen.print(f"{report['hardware']}; TensorFlow {tf.__version__}; commit {report['commit']}")
    if patterns is None:
        done = _measure_settings(settings, methods, report, screen)
    else:
        done = _measure_experiments(planned, report, screen)
    if output and done:
        print(f"All numbers, round by round: {output}")
    return 0 if done else 1


def _settings() -> list[Setting]:
    gpu = bool(tf.config.list_physical_devices("GPU"))
    return [
        dataclasses.replace(SETTINGS[model], precision=precision, jit=jit == "on")
        for model in _chosen("models", SETTINGS)
        for precision in _chosen("precisions", _PRECISIONS)
        for jit in _chosen("jits", _JIT, ["on" if gpu else "off"])
    ]


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


def _can_hold_a_file(path: pathlib.Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)


def _chosen(
    name: str, known: Collection[str], by_default: Collection[str] | None = None
) -> list[str]:
    """The names that a flag lists; those by default, or all, where it is not given.

    Raises:
        UsageError: for an unknown name, or one that is listed twice.
    """
    (names,) = experiment_lib.program_flags(name)
    if names is None:
        return list(known if by_default is None else by_default)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise UsageError(
            f"--{name} must name some of {', '.join(known)}, each once. "
            f"Received: --{name}={','.join(names)}"
        )
    return list(names)


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
