"""Makes a table of results: python -m trainers.reproduce --table=digits --workdir=runs/digits.

Every run is `python -m trainers.train` on a flagfile of flags/experiments/<table>, as anybody could
type it; --table=digits,digits_all puts the runs of both folders into one table. Further flags of
trainers.train, e.g. --train_steps=100, go to every run; those of methods only to the runs whose
method takes them.
"""

import dataclasses
import functools
import json
import pathlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import flags
import flags.programs  # defines --table
from flags.methods import label, rows
from trainers import commands, errors
from trainers.errors import UsageError
from trainers.reports import tables
from trainers.settings import experiment as experiment_lib
from trainers.settings import overriding, program
from trainers.settings.changed_flags import refuse_changed_flags

# No TensorFlow here: this program only waits for those that need it.

_EXPERIMENTS = pathlib.Path(flags.__file__).parent / "experiments"
# From the plainest method on, the first result after the shortest time; combinations come last.
_ORDER = [label(method, mask) for method, mask in rows().values()]
_FLAGS = ("table", *experiment_lib.all_names())


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of the table.

    Attributes:
        label: the method's name in the table.
        workdir: the run's directory.
        arguments: of trainers.train.
        config: what its config.flags will hold.
    """

    label: str
    workdir: pathlib.Path
    arguments: list[str]
    config: str

    @property
    def result(self) -> dict[str, Any] | None:
        """Its result.json, or None if it is not finished."""
        result = self.workdir / "result.json"
        return json.loads(result.read_text()) if result.exists() else None


def plan(table: str | None, workdir: str | None, overrides: dict[str, str]) -> list[Run]:
    """The runs of a table, in its order.

    Args:
        table: a folder of flags/experiments, or several with commas between.
        workdir: the directory of all runs.
        overrides: arguments of trainers.train by the name of their flag, as `given` has them.

    Raises:
        UsageError: for an unknown table, tables that would share a run's directory, no workdir, a
            directory of a run with other flags, or an override that no run takes or that one
            refuses.
    """
    if not workdir:
        raise UsageError("--workdir must name the directory of the table's runs. Received: nothing")
    known = sorted({file.parent.name for file in _EXPERIMENTS.glob("*/*.flags")})
    names = table.split(",") if table else []
    if not names or not set(names) <= set(known):
        raise UsageError(
            f"--table must be one of {', '.join(known)}, or several with commas between. "
            f"Received: {table or 'nothing'}"
        )
    files = [file for name in names for file in sorted((_EXPERIMENTS / name).glob("*.flags"))]
    shared = sorted({file.stem for file in files if sum(f.stem == file.stem for f in files) > 1})
    if shared:
        raise UsageError(
            "--table must name tables whose experiments have different names, or one table for "
            f"each --workdir. Received: --table={table}, where {shared[0]} stands twice"
        )
    workdirs = {file: str(pathlib.Path(workdir) / file.stem) for file in files}
    planned = overriding.plan(workdirs, overrides, choice=f"--table={table}")
    runs = [
        Run(
            one.experiment.label,
            pathlib.Path(one.experiment.workdir),
            one.arguments,
            experiment_lib.to_flagfile(one.values),
        )
        for one in planned
    ]
    for run in runs:
        if (run.workdir / "config.flags").exists():
            refuse_changed_flags(run.workdir / "config.flags", run.config)
    return sorted(runs, key=lambda run: (_rank(run.label), run.workdir))


def _rank(label: str) -> int:
    return _ORDER.index(label) if label in _ORDER else len(_ORDER)


def _train(runs: Sequence[Run]) -> bool:
    """Trains what is not finished; returns whether there was anything to train."""
    trained = False
    for number, run in enumerate(runs, start=1):
        place = f"[{number}/{len(runs)}] {run.label}"
        if run.result is not None:
            print(f"{place}: finished before, in {run.workdir}", flush=True)
            continue
        print(f"{place}:", flush=True)
        _call("trainers.train", [*run.arguments, "--brief"], run.label)
        trained = True
    return trained


def _draw(runs: dict[str, Run], output: pathlib.Path, anew: bool) -> list[str]:
    """Draws the table's masks; returns a line that says where."""
    masked = next((run for label, run in runs.items() if label.startswith(("xVAT", "xAT"))), None)
    if masked is None:
        return []
    if anew or not output.exists():
        arguments = [f"--workdir={masked.workdir}", f"--output={output}", "--quiet"]
        if "VAT" in runs:
            arguments.insert(1, f"--additive_workdir={runs['VAT'].workdir}")
        _call("trainers.figures", arguments, "the picture")
    return [f"Picture of the masks: {output}"]


def _export(runs: dict[str, Run], output: pathlib.Path, anew: bool) -> list[str]:
    """Exports the table's model that can explain itself, else its last; returns where."""
    run = runs.get("xVAT-I", list(runs.values())[-1])
    if anew or not _newest_version(output):
        arguments = [f"--workdir={run.workdir}", f"--output={output}", "--quiet"]
        _call("trainers.export", arguments, "the export")
    return [f"SavedModel of {run.label}: {output / str(_newest_version(output))}"]


def _newest_version(output: pathlib.Path) -> int:
    return max((int(path.name) for path in output.glob("*") if path.name.isdigit()), default=0)


class _FailedError(Exception):
    """A program that was called failed; it has said why."""


def _call(module: str, arguments: Sequence[str], what: str) -> None:
    python = pathlib.Path(sys.executable)
    command = ["-m", module, *arguments]
    print(f"$ {shlex.join([commands.shown_path(python), *command])}", flush=True)
    status = _run([sys.executable, *command])
    # By their number where a program ended before it could attend to them.
    if status in (errors.PREEMPTED, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    if status:
        raise _FailedError(
            f"{what} failed with exit status {status}; the same command goes on from there once "
            "its cause is mended"
        )


def _run(command: Sequence[str]) -> int:
    """Runs a program, its output going where ours goes; returns its exit status."""
    # Fixed programs of this project.
    with subprocess.Popen(command) as process:  # noqa: S603
        try:
            return process.wait()
        except KeyboardInterrupt:
            # A terminal sends it to both. Training saves before it ends; a second one ends it.
            return process.wait()


def main(argv: list[str]) -> int:
    """Reads the flags, makes the runs, shows the table."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        table, workdir = experiment_lib.program_flags("table", "workdir")
        overrides = experiment_lib.given()
        overrides.pop("workdir", None)
        runs = plan(table, workdir, overrides)
        trained = _train(runs)
        print()
        tables.print_results([(str(run.workdir), run.result or {}) for run in runs])
        by_label = {run.label: run for run in runs}
        root = pathlib.Path(workdir)
        paths = [f"TensorBoard logs: {root}"]
        paths += _draw(by_label, root / "masks.png", trained)
        paths += _export(by_label, root / "saved_model", trained)
    except (ValueError, _FailedError) as error:
        return program.mistake(error)
    except KeyboardInterrupt:
        print("error: interrupted; the same command goes on from there", file=sys.stderr)
        return 130
    print("\n".join(["", *paths, f"Next: {commands.tensorboard_command(workdir)}"]))
    return 0


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
