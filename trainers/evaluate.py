"""Evaluates runs: python -m trainers.evaluate --workdir=RUN [--split=validation] [--weights=best].

Each run gets evaluation.json, confusion.png and reliability.png, in its own directory or below
--output. Several runs, as in --workdir=A,B or --workdir='runs/mnist_*', are then compared: runs
that differ in their seed alone share a row, also written to seeds.json below --output. Runs that
are not finished are evaluated, but have no part in a row.
"""

import collections
import functools
import glob
import os
import pathlib
from collections.abc import Sequence

import flags.programs  # noqa: F401 (defines --split and --output)
from trainers.errors import UsageError
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_VALUES = ("workdir", "split", "weights", "output", "quiet")
_FLAGS = (*_VALUES, "data_dir")

_work = program.Late("trainers.work.evaluate")
__getattr__ = _work.attribute


def find_runs(workdir: str | None, *, flag: str = "--workdir") -> list[str]:
    """The directories that --workdir names: one, several with commas between, or a pattern.

    A directory that is there is taken by its name, whatever commas and brackets are in it.

    Args:
        workdir: value of the flag.
        flag: the flag that named them, for messages.

    Raises:
        UsageError: for no directory, or a pattern that none fits.
    """
    found = []
    parts = [workdir] if workdir and _is_run(workdir) else (workdir or "").split(",")
    for part in filter(None, parts):
        matches = [part]
        if glob.has_magic(part) and not pathlib.Path(part).is_dir():
            # Files beside the runs, tables and pictures, are no runs.
            configs = glob.glob(f"{part}/{run_flags.NAME}")
            matches = sorted(str(pathlib.Path(config).parent) for config in configs)
        elif not _is_run(part):
            raise UsageError(
                f"{flag} must name directories of runs, where {run_flags.NAME} is. "
                f"Received: {flag}={part}"
            )
        if not matches:
            raise UsageError(f"{flag} must fit the directory of a run. Received: {flag}={part}")
        found += matches
    if not found:
        raise UsageError(f"{flag} must name a run's directory. Received: nothing")
    return list(dict.fromkeys(found))


def _is_run(directory: str) -> bool:
    return (pathlib.Path(directory) / run_flags.NAME).is_file()


def find_folders(runs: Sequence[str], output: str | None) -> list[pathlib.Path]:
    """Where each run's results go.

    Below --output a run's folder is named as its directory is, and where two directories have one
    name, as those of trainers.reproduce have in WORKDIR/ROW/seed_1, with the folders above it in
    which they differ.

    Raises:
        UsageError: if a run is named twice.
    """
    if not output:
        return [pathlib.Path(run) for run in runs]
    if len(runs) == 1:
        return [pathlib.Path(output)]
    places = [pathlib.Path(run).resolve() for run in runs]
    twice = [str(place) for place, count in collections.Counter(places).items() if count > 1]
    if twice:
        raise UsageError(
            f"--workdir must name each run once. Received: {', '.join(twice)} by several names"
        )
    names = [place.name for place in places]
    if len(set(names)) < len(names):
        shared = os.path.commonpath([place.parent for place in places])
        names = [str(place.relative_to(shared)) for place in places]
    return [pathlib.Path(output) / name for name in names]


def main(argv: list[str]) -> int:
    """Reads the flags, evaluates run by run, shows the numbers."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, split, weights, output, quiet = experiment_lib.program_flags(*_VALUES)
        runs = find_runs(workdir)
        folders = find_folders(runs, output)
        for folder in folders:
            flag = "--output" if output else "--workdir"
            refuse_unwritable(folder, flag=flag)
    except ValueError as error:
        return program.mistake(error)
    return int(
        _work.run(
            dict(zip(runs, folders, strict=True)),
            output=output,
            split=split,
            weights=weights,
            quiet=quiet,
        )
    )


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
