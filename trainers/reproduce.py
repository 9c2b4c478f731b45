"""Makes a table of results: python -m trainers.reproduce --table=digits --workdir=runs/digits.

Every run is `python -m trainers.train` on a flagfile of flags/experiments/<table>, as anybody could
type it; --table=digits,digits_all puts the runs of both folders into one table. --datasets and
--methods choose among them; --seeds=5 makes five runs of each, in WORKDIR/ROW/seed_1 and so on.
Further flags of trainers.train, e.g. --train_steps=100, go to every run; those of methods only to
the runs whose method takes them. What is finished is not made again, and what was interrupted goes
on. Started several times, on one machine or on several that share the directory, the command's
processes take runs from one plan; --workers=N starts several at once.

The table goes into WORKDIR too: table.md, table.csv, table.tex and table.png.

python -m trainers.reproduce --record='runs/*/*' makes a record of each finished run: a JSON file of
some kilobytes in results/runs, with the run's test predictions beside it. Pages are made of these
records alone: python -m trainers.reproduce --render. --verify=results/runs/NAME.json repeats the
beginning of a record's run and compares its logs.

python -m trainers.reproduce --table=speed --output=FILE.json times an epoch of VAT and of both
forms of xVAT on the sizes of four data sets; --compare=OLD.json shows it beside an earlier one.
"""

import functools
import pathlib
import sys
import tempfile
from collections.abc import Sequence

import flags.benchmark
import flags.programs  # noqa: F401 (these define the flags below)
from trainers import called, commands, errors
from trainers.errors import UsageError
from trainers.evidence import calling, curves, hours, planning, record, recording, verifying
from trainers.evidence.planning import Run
from trainers.evidence.working import FailedError, Work
from trainers.reports import tables
from trainers.run import records
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program

# No TensorFlow here: this program only waits for those that need it.

_OF_TABLE = ("table", "datasets", "methods", "seeds", "workers", "quick")
_OF_RECORD = ("record", "output", "quiet")
_OF_SPEED = ("table", "datasets", "methods", "repeats", "seconds", "output", "compare")
_OF_VERIFY = ("verify", "steps", "data_dir")
_FLAGS = tuple(
    dict.fromkeys(
        (*_OF_TABLE, *_OF_RECORD, *_OF_VERIFY, *_OF_SPEED, "render", *experiment_lib.all_names())
    )
)

_WHERE = " beside --table"

# Of scipy, which --help does not wait for.
_report = program.Late("trainers.evidence.report")
_speeds = program.Late("trainers.evidence.speed")


def _train(row: Sequence[Run], *, quiet: bool = False) -> None:
    """Trains the runs of a row by one command: what differs in its seed compiles once."""
    arguments = [*planning.together(row), "--brief", *(["--quiet"] if quiet else [])]
    # Once, where it was given already.
    calling.call("trainers.train", list(dict.fromkeys(arguments)), row[0].label)


def _draw(runs: dict[str, Run], output: pathlib.Path, anew: bool) -> list[str]:
    """Draws the table's masks; returns a line that says where."""
    masked = next((run for label, run in runs.items() if label.startswith(("xVAT", "xAT"))), None)
    if masked is None:
        return []
    if anew or not output.exists():
        arguments = [f"--workdir={masked.workdir}", f"--output={output}", "--quiet"]
        if "VAT" in runs:
            arguments.insert(1, f"--additive_workdir={runs['VAT'].workdir}")
        calling.call("trainers.figures", arguments, "the picture")
    return [f"Picture of the masks: {output}"]


def _export(runs: dict[str, Run], output: pathlib.Path, anew: bool) -> list[str]:
    """Exports the table's model that can explain itself, else its last; returns where."""
    run = runs.get("xVAT-I", list(runs.values())[-1])
    if anew or not _newest_version(output):
        arguments = [f"--workdir={run.workdir}", f"--output={output}", "--quiet"]
        calling.call("trainers.export", arguments, "the export")
    return [f"SavedModel of {run.label}: {output / str(_newest_version(output))}"]


def _newest_version(output: pathlib.Path) -> int:
    return max((int(path.name) for path in output.glob("*") if path.name.isdigit()), default=0)


def main(argv: list[str]) -> int:
    """Reads the flags, makes the runs, shows the table."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        patterns, output, render = experiment_lib.program_flags("record", "output", "render")
        if patterns is not None:
            experiment_lib.refuse_untaken_flags(*_OF_RECORD, where=" beside --record")
            return recording.record(patterns, output)
        if render:
            experiment_lib.refuse_untaken_flags("render", where=" beside --render")
            return int(_report.render())
        with called.ending_together():
            return _make(output)
    except (ValueError, FailedError) as error:
        return program.mistake(error)
    except KeyboardInterrupt:
        print("error: interrupted; the same command goes on from there", file=sys.stderr)
        return errors.PREEMPTED


def _make(output: str | None) -> int:
    """What calls other programs: a verification or a table; returns the exit status."""
    (file,) = experiment_lib.program_flags("verify")
    if file is not None:
        experiment_lib.refuse_untaken_flags(*_OF_VERIFY, where=" beside --verify")
        return _verify(file)
    if experiment_lib.program_flags("table") == ["speed"]:
        experiment_lib.refuse_untaken_flags(*_OF_SPEED, where=" beside --table=speed")
        return _speed(output)
    experiment_lib.refuse_untaken_flags(*_OF_TABLE, *experiment_lib.all_names(), where=_WHERE)
    return _table()


def _speed(output: str | None) -> int:
    """Makes the speed table; returns the exit status."""
    datasets, names, repeats, seconds, compare = experiment_lib.program_flags(
        "datasets", "methods", "repeats", "seconds", "compare"
    )
    sizes, names = _speeds.plan(datasets or (), names or ())
    old = _speeds.read(compare) if compare else None
    if output:
        refuse_unwritable(pathlib.Path(output).parent, flag="--output")
    return int(_report.speed(sizes, names, repeats, seconds, output=output, old=old))


def _verify(file: str) -> int:
    """Repeats the beginning of a record's run; returns the exit status."""
    data_dir, steps = experiment_lib.program_flags("data_dir", "steps")
    kept = verifying.read(file)
    again = verifying.repetition(kept, steps=steps or verifying.STEPS, data_dir=data_dir)
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        status, why = calling.run_unseen("trainers.train", [*again.arguments, f"--workdir={run}"])
        if status != (errors.PREEMPTED if again.stops else 0):
            raise FailedError(f"the repetition failed: {why or f'exit status {status}'}", why)
        made_by = records.read(run / "status.json") or {}
        lines = curves.read(run / "metrics.jsonl")
        found = verifying.compare(kept, lines, made_by, steps=again.compared)
    verifying.show(kept, found, again.compared)
    return 0 if found.holds else errors.FAILED


def _table() -> int:
    """Makes the runs of --table and shows what came of them; returns the exit status."""
    table, datasets, methods, seeds, workers, quick = experiment_lib.program_flags(*_OF_TABLE)
    (workdir,) = experiment_lib.program_flags("workdir")
    overrides = experiment_lib.given()
    overrides.pop("workdir", None)
    if quick and (length := [overrides[name] for name in record.LENGTH if name in overrides]):
        raise UsageError(
            "--quick must come without --train_steps and --steps_per_epoch, which it sets. "
            f"Received: --quick {' '.join(length)}"
        )
    choice = planning.Choice(datasets or (), methods or (), planning.seeds(seeds), quick)
    runs = planning.plan(table, workdir, overrides, choice)
    refuse_unwritable(workdir, flag="--workdir")
    known = record.read_all(recording.FOLDER) if recording.FOLDER.is_dir() else []
    hours.show(runs, known)
    work = Work(runs, functools.partial(_train, quiet=workers > 1))
    work.do(workers)
    finished = [run for run in runs if run.result is not None]
    left = len(runs) - len(finished)
    if not finished:
        if not work.failures:
            print(f"In the hands of other processes: {left} of {left}.")
        return errors.FAILED if work.failures else 0
    print()
    tables.print_results([(str(run.workdir), run.result or {}) for run in finished])
    root = pathlib.Path(workdir)
    paths = [_report.table(finished, root), f"TensorBoard logs: {root}"]
    if left and not work.failures:
        paths.append(f"In the hands of other processes, and in no row yet: {left} of {len(runs)}")
    elif not work.failures and not choice.seeds:
        by_label = {run.label: run for run in finished}
        paths += _draw(by_label, root / "masks.png", work.trained)
        paths += _export(by_label, root / "saved_model", work.trained)
    print("\n".join(["", *paths, f"Next: {commands.tensorboard_command(workdir)}"]))
    return errors.FAILED if work.failures else 0


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
