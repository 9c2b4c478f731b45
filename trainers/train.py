"""Trains one experiment: python -m trainers.train --flagfile=... --workdir=..."""

import functools

from trainers.run import records
from trainers.settings import cluster, program
from trainers.settings import experiment as experiment_lib

_work = program.Late("trainers.work.train")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, trains, shows the result; returns 0, 2 for a mistake, or of `errors`."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment = experiment_lib.from_flags()
        flags = experiment_lib.to_flagfile()
        records.refuse_other_run(experiment.workdir, flags)
        if experiment.strategy == "multi_worker":
            cluster.from_environment()
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(experiment, flags))


cli = functools.partial(program.run, main)

if __name__ == "__main__":
    cli()
