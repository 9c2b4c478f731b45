"""Asks whether a mask explains: python -m trainers.explain --workdir=RUN --output=DIR.

Switches pixels off, and on, in the order in which each explanation ranks them, and follows the
class: xVAT's masks, gradients, RISE and others, and orders that know nothing of the classifier.
--referee=RUN asks a second classifier too, one that was trained with random masks: for it masked
images are none that it has never seen. Writes explain.json, explain.csv and pictures into --output.

Several runs that differ in their seed alone (--workdir='runs/xvat/seed_*') are measured one by one,
each into a folder of its own, and then shown as means over runs; each is judged by the referees of
its own seed, where there are any. What was measured is not measured again.
"""

import functools
import pathlib
from collections.abc import Sequence

import flags.programs  # noqa: F401 (defines --referee, --num_images and --output)
from trainers.errors import UsageError
from trainers.evaluate import find_folders, find_runs
from trainers.reports import seeds
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_VALUES = ("workdir", "referee", "num_images", "output", "quiet")
_FLAGS = (*_VALUES, "data_dir")

_work = program.Late("trainers.work.explain")
__getattr__ = _work.attribute


def _refuse_other_runs(runs: Sequence[str]) -> None:
    """Means over runs are of one experiment."""
    groups = seeds.group(runs)
    if len(groups) > 1:
        raise UsageError(
            "--workdir must name runs that differ in their seed alone. "
            f"Received: {groups[0].workdirs[0]} and {groups[1].workdirs[0]}"
        )


def main(argv: list[str]) -> int:
    """Reads the flags, measures run by run, shows the table."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, referees, num_images, output, quiet = experiment_lib.program_flags(*_VALUES)
        if not output:
            raise UsageError("--output must name the directory of the results. Received: nothing")
        runs = find_runs(workdir)
        _refuse_other_runs(runs)
        judges = find_runs(",".join(referees), flag="--referee") if referees else []
        for judge in judges:
            run_flags.read(judge, flag="--referee")
        folders = find_folders(runs, output)
        for folder in (*folders, output):
            refuse_unwritable(folder, flag="--output")
    except ValueError as error:
        return program.mistake(error)
    return int(
        _work.run(
            dict(zip(runs, folders, strict=True)),
            judges,
            num_images=500 if num_images is None else num_images,
            output=pathlib.Path(output),
            quiet=quiet,
        )
    )


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
