"""Several runs, one after the other: one that cannot be worked on does not end the others."""

import json
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from trainers import errors
from trainers.errors import RunFailedError, UsageError
from trainers.reports import seeds
from trainers.settings import program, run_flags

Report = dict[str, Any]


def run(
    folders: Mapping[str, pathlib.Path],
    work: Callable[[str, pathlib.Path], Report],
    show: Callable[[Sequence[seeds.Group], Mapping[str, Report]], None],
    *,
    done: str,
) -> int:
    """Works on run by run, says of each that failed why, and shows the others together.

    What is wrong with all of them, two runs that are one experiment of one seed, is said before
    the work. Of several runs those that stopped early are named, and are in no row.

    Args:
        folders: where each run's results go, by its directory.
        work: (a run's directory, its folder) -> its report. Raises ValueError for a run that it
            cannot work on, RunFailedError where something else fails.
        show: (groups of runs, reports by the runs' directories) shows what there is, and may raise
            RunFailedError; not called where there is nothing.
        done: what is done with a run, as messages say it, e.g. "evaluated".

    Returns:
        The exit status: 0, or that of the last failure.
    """
    tf.get_logger().setLevel("ERROR")  # Of many runs it says that each has a function of its own.
    try:
        seeds.group([run for run in folders if run_flags.is_sound(pathlib.Path(run))])
    except ValueError as error:
        return program.mistake(error)
    reports: dict[str, Report] = {}
    status = 0
    for run, folder in folders.items():
        keras.utils.clear_session()
        try:
            reports[run] = work(run, folder)
        except errors.from_outside(ValueError) as error:
            status = program.mistake(_of_run(error, run, done))
        except RunFailedError as error:
            status = _failed(error)
    groups = seeds.group(list(reports))
    if len(folders) > 1:
        groups, unfinished = seeds.leave_out_unfinished(groups)
        if unfinished:
            text = ", ".join(unfinished)
            print(f"warning: not finished, hence in no row: {text}", file=sys.stderr)
    try:
        if groups:
            show(groups, reports)
    except RunFailedError as error:
        return _failed(error)
    return status


def kept(file: pathlib.Path, what: Report) -> Report | None:
    """The report in a file, if it is of the same: what was measured is not measured again.

    Args:
        file: where the report is, or is to be.
        what: what it must say of its run and settings.

    Returns:
        None where there is none that can be read, or it is of something else.
    """
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    same = isinstance(found, dict) and all(found.get(key) == what[key] for key in what)
    return found if same else None


def _failed(error: RunFailedError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return errors.FAILED


def _of_run(error: Exception, run: str, done: str) -> Exception:
    """The error, said such that one knows of which run of several."""
    if isinstance(error, UsageError):
        return error
    return UsageError(f"--workdir={run} cannot be {done}: {errors.sentence(error)}")
