"""Times the training step of every method: python -m trainers.benchmark --output=FILE.json."""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich import console

from trainers import benchmark_table, step_timing, timed_step
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


def main(argv: Sequence[str]) -> int:
    """Reads the flags, measures setting by setting, shows each one's table when it is done."""
    try:
        flags = _parse(argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    settings = [
        dataclasses.replace(SETTINGS[model], precision=precision, jit=jit == "on")
        for model in flags.models
        for precision in flags.precisions
        for jit in flags.jit
    ]
    versions = {"python": sys.version.split()[0], "keras": keras.__version__}
    report = {**provenance(), **versions, "numpy": np.__version__, "settings": []}
    screen = console.Console(width=_WIDTH)
    screen.print(f"{report['hardware']}; TensorFlow {tf.__version__}; commit {report['commit']}")
    for i, setting in enumerate(settings, 1):
        _report(f"[{i}/{len(settings)}] {benchmark_table.describe(setting)}")
        try:
            measured = measure(setting, flags.methods, repeats=flags.repeats, seconds=flags.seconds)
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        summary = benchmark_table.summarize(setting, measured)
        screen.print(benchmark_table.make_table(setting, summary))
        report["settings"].append(summary)
        if flags.output:  # After each setting: what is measured stays when a long run is stopped.
            write_aside(pathlib.Path(flags.output), json.dumps(report, indent=2) + "\n")
    if flags.output:
        print(f"All numbers, round by round: {flags.output}")
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


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are exceptions.

    Not absl's flags: they are global, and --jit belongs to the training that is imported here.
    """

    def error(self, message: str) -> Any:
        raise ValueError(message.removeprefix("argument "))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Raises ValueError, in one sentence, for wrong flags."""
    gpu = bool(tf.config.list_physical_devices("GPU"))
    parser = _Parser(prog="python -m trainers.benchmark", description=__doc__, allow_abbrev=False)
    lists: dict[str, tuple[Sequence[str], str]] = {
        "models": (list(SETTINGS), ",".join(SETTINGS)),
        "methods": (list(timed_step.METHODS), ",".join(timed_step.METHODS)),
        "precisions": (_PRECISIONS, ",".join(_PRECISIONS)),
        "jit": (_JIT, "on" if gpu else "off"),
    }
    for name, (known, default) in lists.items():
        parser.add_argument(
            f"--{name}",
            type=_list_of(known),
            default=default,
            metavar="A,B",
            help=f"of {','.join(known)}; default: {default}",
        )
    parser.add_argument("--repeats", type=int, default=20, help="rounds at most; default: 20")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="for a row's rounds, about; default: 60"
    )
    parser.add_argument("--output", metavar="FILE.json", help="where all numbers go")
    flags = parser.parse_args(arguments)
    fewest = step_timing.FEWEST_ROUNDS
    if flags.repeats < fewest:
        raise ValueError(f"--repeats must be at least {fewest}. Received: {flags.repeats}")
    if not flags.seconds > 0:
        raise ValueError(f"--seconds must be positive. Received: {flags.seconds}")
    if flags.output and not _can_hold_a_file(pathlib.Path(flags.output)):
        raise ValueError(
            f"--output must name a file in a folder that can be written. Received: {flags.output}"
        )
    return flags


def _can_hold_a_file(path: pathlib.Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)


def _list_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if len(set(names)) < len(names) or not set(names) <= set(known):
            raise argparse.ArgumentTypeError(
                f"must name some of {', '.join(known)}, each once. Received: {text}"
            )
        return names

    return parse


def cli() -> None:
    """Runs the program on the command line of this process."""
    sys.exit(main(sys.argv))


if __name__ == "__main__":
    cli()
