"""Searches settings: python -m trainers.tune --flagfile=... --workdir=DIR --tuner=bayesian.

Varies the flags that the method declares and those of --search; a flag with a value of its own is
fixed unless --search names it. Every trial is trainers.train without the test images, and counts by
its validation accuracy. The same command goes on with a search that was interrupted.

Several machines: the same command on each, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT of
the chief and KERASTUNER_TUNER_ID=chief there, any other id elsewhere; --workdir is shared.
"""

import functools
import os
import pathlib

from trainers.errors import UsageError
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags
from trainers.tuning import plan

_work = program.Late("trainers.work.tune")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, searches, shows the trials; returns 0, 2 for a mistake, or of `errors`."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*plan.FLAGS)
        place = plan.role(os.environ)
        experiment, given, ranges = plan.read()
        refuse_unwritable(experiment.workdir, flag="--workdir")
        if (pathlib.Path(experiment.workdir) / run_flags.NAME).exists():
            raise UsageError(
                "--workdir must be a directory for a search, not one of a run. "
                f"Received: --workdir={experiment.workdir}"
            )
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(place, experiment, given, ranges))


cli = functools.partial(program.run, main, plan.FLAGS)

if __name__ == "__main__":
    cli()
