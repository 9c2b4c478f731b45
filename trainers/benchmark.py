"""Times the training step of every method: python -m trainers.benchmark --output=FILE.json."""

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich import console

import flags.benchmark
import flags.programs  # noqa: F401 (these define the flags below)
from trainers import benchmark_table, program, step_timing, timed_step
from trainers import experiment as experiment_lib
from trainers.provenance import provenance
from trainers.storage import write_aside
from trainers.timed_step import Setting

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
_FLAGS = ("models", "methods", "precisions", "jits", "repeats", "seconds", "output")
_WIDTH = 100


def measure(
    setting: Setting, names: Sequence[str], *, repeats: int, seconds: float
) -> dict[str, Any]:
    """Measures one setting in child processes; returns what `benchmark_table.summarize` takes.

    Args:
        setting: what the methods train.
        names: keys of `timed_step.METHODS`.
        repeats: as for `step_timing.compare`.
        seconds: as for `step_timing.compare`.

    Raises:
        RuntimeError: a child failed; its own words are on stderr.
    """
    task = {"setting": dataclasses.asdict(setting), "repeats": repeats, "seconds": seconds}
    measured = _run_child({**task, "kind": "times", "methods": names})
    for row in measured["rows"]:
        _report(f"  {row['method']}: measuring its memory")
        child = _run_child({**task, "kind": "memory", "methods": [row["method"]]})
        row["peak_memory_bytes"] = child["bytes"]
    return measured


def main(argv: list[str]) -> int:
    """Reads the flags, measures setting by setting, shows each one's table when it is done."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_other_flags(*_FLAGS)
        repeats, seconds, output = experiment_lib.program_flags("repeats", "seconds", "output")
        methods = _chosen("methods", timed_step.METHODS, timed_step.METHODS)
        gpu = bool(tf.config.list_physical_devices("GPU"))
        settings = [
            dataclasses.replace(SETTINGS[model], precision=precision, jit=jit == "on")
            for model in _chosen("models", SETTINGS, SETTINGS)
            for precision in _chosen("precisions", _PRECISIONS, _PRECISIONS)
            for jit in _chosen("jits", _JIT, ["on" if gpu else "off"])
        ]
        if output and not _can_hold_a_file(pathlib.Path(output)):
            raise experiment_lib.UsageError(
                "--output must name a file in a folder that can be written. "
                f"Received: --output={output}"
            )
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    versions = {"python": sys.version.split()[0], "keras": keras.__version__}
    report = {**provenance(), **versions, "numpy": np.__version__, "settings": []}
    screen = console.Console(width=_WIDTH)
    screen.print(f"{report['hardware']}; TensorFlow {tf.__version__}; commit {report['commit']}")
    for i, setting in enumerate(settings, 1):
        _report(f"[{i}/{len(settings)}] {benchmark_table.describe(setting)}")
        try:
            measured = measure(setting, methods, repeats=repeats, seconds=seconds)
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        summary = benchmark_table.summarize(setting, measured)
        screen.print(benchmark_table.make_table(setting, summary))
        report["settings"].append(summary)
        if output:  # After each setting: what is measured stays when a long run is stopped.
            write_aside(pathlib.Path(output), json.dumps(report, indent=2) + "\n")
    if output:
        print(f"All numbers, round by round: {output}")
    return 0


def _run_child(task: Mapping[str, Any]) -> dict[str, Any]:
    line = "{}"
    # Our own interpreter on our own module.
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", step_timing.__name__, json.dumps(task)],
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        for line in child.stdout or ():
            if not line.startswith("{"):
                _report(f"  {line.rstrip()}")
    if child.returncode:
        raise RuntimeError(
            f"The process that measured {', '.join(task['methods'])} failed and has said why. "
            f"Received: exit status {child.returncode}"
        )
    return json.loads(line)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _can_hold_a_file(path: pathlib.Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)


def _chosen(name: str, known: Collection[str], by_default: Collection[str]) -> list[str]:
    """The names that a flag lists.

    Raises:
        UsageError: for an unknown name, or one that is listed twice.
    """
    (names,) = experiment_lib.program_flags(name)
    if names is None:
        return list(by_default)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise experiment_lib.UsageError(
            f"--{name} must name some of {', '.join(known)}, each once. "
            f"Received: --{name}={','.join(names)}"
        )
    return list(names)


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
