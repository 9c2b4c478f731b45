"""Makes a table of results: python -m trainers.reproduce --table=digits --workdir=runs/digits.

Every run is `python -m trainers.train` on a flagfile of flags/experiments/<table>, as anybody could
type it; --table=digits,digits_all puts the runs of both folders into one table. Further flags of
trainers.train, e.g. --train_steps=100, go to every run; those of methods only to the runs whose
method takes them.

python -m trainers.reproduce --record='runs/*/*' makes a record of each finished run: a JSON file of
some kilobytes in results/runs, of which pages are made, with the run's test predictions beside it.
"""

import dataclasses
import functools
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
from trainers.evidence import recording
from trainers.reports import tables
from trainers.run import records
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import overriding, program, run_flags

# No TensorFlow here: this program only waits for those that need it.

_EXPERIMENTS = pathlib.Path(flags.__file__).parent / "experiments"
# From the plainest method on, the first result after the shortest time; combinations come last.
_ORDER = [label(method, mask) for method, mask in rows().values()]
_ERROR = b"error: "
_FLAGS = ("table", "record", "output", *experiment_lib.all_names())
_OF_RECORD = ("record", "output", "quiet")


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
        return records.result(self.workdir)


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
        run_flags.refuse_changed(run.workdir, run.config)
    return sorted(runs, key=lambda run: (_rank(run.label), run.workdir))


def _rank(label: str) -> int:
    return _ORDER.index(label) if label in _ORDER else len(_ORDER)


def _train(runs: Sequence[Run]) -> tuple[bool, int]:
    """Trains what is not finished; one that fails is named, and does not keep the others from it.

    Returns:
        Whether anything was trained, and how many failed.
    """
    trained = False
    failures: list[str] = []
    for number, run in enumerate(runs, start=1):
        place = f"[{number}/{len(runs)}] {run.label}"
        if run.result is not None:
            print(f"{place}: finished before, in {run.workdir}", flush=True)
            continue
        print(f"{place}:", flush=True)
        try:
            _call("trainers.train", [*run.arguments, "--brief"], run.label)
            trained = True
        except _FailedError as error:
            # Said of another run in the same words, it is not this run's alone.
            why = error.why.replace(str(run.workdir), "")
            if why in failures:
                break
            failures.append(why)
            print(f"error: {error}", file=sys.stderr)
    return trained, len(failures)


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
    """A program that was called failed.

    Attributes:
        why: what it said.
    """

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


def _call(module: str, arguments: Sequence[str], what: str) -> None:
    python = pathlib.Path(sys.executable)
    command = shlex.join([commands.shown_path(python), "-m", module, *arguments])
    print(f"$ {command}", flush=True)
    status, why = _run(module, arguments)
    # By their number where a program ended before it could attend to them.
    if status in (errors.PREEMPTED, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    if status:
        why = why or f"exit status {status}"
        raise _FailedError(
            f"{what} failed: {why}; the same command goes on from there once that is mended", why
        )


def _run(module: str, arguments: Sequence[str]) -> tuple[int, str]:
    """Runs a program of this project; returns what `_attend` does."""
    return _attend(commands.of_module(module, *arguments))


def _attend(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command, its output going where ours goes.

    Returns:
        Its exit status, and the sentence in which it said why it failed: that is kept back, for it
        to be said once.
    """
    kept = b""
    interrupted = False
    # A fixed program of this project.
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:  # noqa: S603
        while True:
            try:
                for line in process.stderr or ():
                    if kept or line.startswith(_ERROR):
                        kept += line
                    else:
                        print(line.decode(errors="replace"), end="", file=sys.stderr, flush=True)
                status = process.wait()
                break
            except KeyboardInterrupt:
                # A terminal sends it to both. Training saves before it ends; a second one ends it.
                interrupted = True
    if interrupted and status != errors.PREEMPTED:  # Whatever it made of it, it was to stop.
        status = -signal.SIGINT
    return status, kept.removeprefix(_ERROR).decode(errors="replace").strip()


def main(argv: list[str]) -> int:
    """Reads the flags, makes the runs, shows the table."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        patterns, output = experiment_lib.program_flags("record", "output")
        if patterns is not None:
            experiment_lib.refuse_untaken_flags(*_OF_RECORD, where=" beside --record")
            return recording.record(patterns, output)
        table, workdir = experiment_lib.program_flags("table", "workdir")
        overrides = experiment_lib.given()
        overrides.pop("workdir", None)
        runs = plan(table, workdir, overrides)
        refuse_unwritable(workdir, flag="--workdir")
        trained, failed = _train(runs)
        finished = {run.label: run for run in runs if run.result is not None}
        results = [(str(run.workdir), run.result) for run in runs if run.result is not None]
        if not results:
            return errors.FAILED
        print()
        tables.print_results(results)
        root = pathlib.Path(workdir)
        paths = [f"TensorBoard logs: {root}"]
        if not failed:
            paths += _draw(finished, root / "masks.png", trained)
            paths += _export(finished, root / "saved_model", trained)
    except (ValueError, _FailedError) as error:
        return program.mistake(error)
    except KeyboardInterrupt:
        print("error: interrupted; the same command goes on from there", file=sys.stderr)
        return 130
    print("\n".join(["", *paths, f"Next: {commands.tensorboard_command(workdir)}"]))
    return errors.FAILED if failed else 0


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
