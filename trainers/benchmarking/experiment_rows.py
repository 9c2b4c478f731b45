"""The benchmark's rows of experiments: which flagfiles, each timed in a process of its own."""

import glob
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from flags.define import Kind
from trainers.benchmarking import child, experiment_table
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings import overriding
from trainers.settings.command_line import EXPERIMENTS

# There are no runs here that a flag of a call could be of, and rows are timed on one device.
FLAGS = tuple(name for name in experiment_lib.all_names(without={Kind.CALL}) if name != "strategy")
_TIMING = "trainers.benchmarking.experiment_timing"  # By name: it is a child's, with TensorFlow.
_PEAK_SECONDS = 10.0


def plan(patterns: Sequence[str]) -> dict[str, overriding.Planned]:
    """The experiments to time by their flagfiles, checked as far as flags tell.

    Args:
        patterns: names of flagfiles, or patterns as a shell has them.

    Raises:
        UsageError: a pattern matches nothing, a flagfile is none, or an override does not fit.
    """
    choice = f"--experiments={','.join(patterns)}"
    files = [pathlib.Path(file) for pattern in patterns or [""] for file in _matches(pattern)]
    # No run has this directory: nothing can be written there.
    workdirs = dict.fromkeys(files, os.devnull)
    planned = overriding.plan(workdirs, experiment_lib.given(), choice=choice)
    return dict(zip(map(str, workdirs), planned, strict=True))


def measure(
    planned: dict[str, overriding.Planned], *, steps: int
) -> Iterator[dict[str, Any] | RuntimeError]:
    """Times one experiment after the other.

    Args:
        planned: as `plan` has it.
        steps: to time of each.

    Yields:
        For each what `experiment_table.summarize` returns, with its "flagfile"; or the error if it
        failed.
    """
    for number, (file, one) in enumerate(planned.items(), start=1):
        child.report(f"[{number}/{len(planned)}] {file}")
        task = {
            "arguments": [*one.arguments, "--strategy=one_device"],
            "steps": steps,
            "peak_seconds": _PEAK_SECONDS,
        }
        try:
            measured = child.run(_TIMING, task, what=file)
        except RuntimeError as error:
            yield error
        else:
            yield {"flagfile": file, **experiment_table.summarize(measured)}


def _matches(pattern: str) -> list[str]:
    files = sorted(glob.glob(os.path.expanduser(pattern)))
    # Those that come with this project are found from any folder.
    for folder in (EXPERIMENTS, EXPERIMENTS.parents[1]):
        files = files or sorted(glob.glob(str(folder / pattern))) if pattern else files
    if not files:
        raise UsageError(
            "--experiments must name flagfiles that exist, or patterns of such like "
            f"'flags/experiments/digits/*.flags'. Received: {pattern or 'nothing'}"
        )
    return files
