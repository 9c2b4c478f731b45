"""Attacks runs: python -m trainers.robustness --workdir=RUN, or --workdir='runs/*' --output=DIR.

The accuracy on the test images over the strength of attacks that add to pixels (FGSM, PGD, APGD,
Square; L-infinity and L2) and of attacks that remove pixels (by greedy gradient, by masks trained
on the test image, by the run's generator), beside random removal. Each run gets robustness.json, in
its own directory or below --output; what was measured by the same settings is not measured again.
Several runs end in one table, robustness.csv, and one picture, robustness.png and .pdf, below
--output, where those that differ in their seed alone share a line.
"""

import functools
import pathlib
from collections.abc import Sequence

import flags.programs
import flags.robustness  # noqa: F401 (these define the flags below)
from trainers.attacking import settings as settings_lib
from trainers.errors import UsageError
from trainers.evaluate import find_folders, find_runs
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_FLAGS = ("workdir", "weights", "output", "quiet", "data_dir", *settings_lib.FLAGS)

_work = program.Late("trainers.work.robustness")
__getattr__ = _work.attribute


def _refuse_several_datasets(runs: Sequence[str]) -> None:
    """Their pixels are as many and as large as they are: one strength is another one there."""
    sound = [run for run in runs if run_flags.is_sound(pathlib.Path(run))]
    experiments = [experiment_lib.from_flags(run_flags.read(run)) for run in sound]
    datasets = {experiment.dataset.removesuffix("_cropped") for experiment in experiments}
    if len(datasets) > 1:
        raise UsageError(
            "--workdir must name runs on one data set, for a strength is not the same on another. "
            f"Received: runs on {' and '.join(sorted(datasets))}"
        )


def main(argv: list[str]) -> int:
    """Reads the flags, attacks run by run, shows the numbers."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        settings = settings_lib.from_flags()
        workdir, weights, output, quiet = experiment_lib.program_flags(*_FLAGS[:4])
        runs = find_runs(workdir)
        if len(runs) > 1 and not output:
            raise UsageError(
                "--output must name a folder for the table and the picture of several runs. "
                "Received: nothing"
            )
        _refuse_several_datasets(runs)
        folders = find_folders(runs, output)
        for folder in folders:
            refuse_unwritable(folder, flag="--output" if output else "--workdir")
    except ValueError as error:
        return program.mistake(error)
    return int(
        _work.run(
            dict(zip(runs, folders, strict=True)),
            settings,
            output=pathlib.Path(output or runs[0]),
            weights=weights,
            quiet=quiet,
        )
    )


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
