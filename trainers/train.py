"""Trains one experiment: python -m trainers.train --flagfile=... --workdir=...

With --seeds=1,2,3 it trains one run after another, in --workdir/seed_1 and so on; the step is
compiled once, and each run has the bits that it has alone.
"""

import functools

import flags.programs  # noqa: F401  defines --seeds
from trainers.run import results
from trainers.settings import cluster, program
from trainers.settings import experiment as experiment_lib

_work = program.Late("trainers.work.train")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, trains, shows the result; returns 0, 2 for a mistake, or of `errors`."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiments = experiment_lib.each_seed()
        for experiment, flags in experiments:
            results.refuse_other_run(experiment.workdir, flags)
        if experiments[0][0].strategy == cluster.STRATEGY:
            cluster.from_environment()
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(experiments))


cli = functools.partial(program.run, main, ("seeds", *experiment_lib.all_names()))

if __name__ == "__main__":
    cli()
