"""Searches settings: python -m trainers.tune --flagfile=... --workdir=DIR --tuner=bayesian.

Varies the flags that the method declares and those of --search; a flag with a value of its own is
fixed unless --search names it. Every trial is trainers.train without the test images, and counts by
its validation accuracy. The same command goes on with a search that was interrupted.

Several machines: the same command on each, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT of
the chief and KERASTUNER_TUNER_ID=chief there, any other id elsewhere; --workdir is shared.
"""

import contextlib
import functools
import io
import os
import pathlib
import shlex
import sys
from collections.abc import Mapping

import grpc
import tensorflow as tf
from absl import logging

from trainers import (
    assembly,
    oracles,
    outcomes,
    program,
    search_plan,
    search_space,
    search_summaries,
    tuning_results,
)
from trainers import experiment as experiment_lib
from trainers.experiment import UsageError
from trainers.outcomes import PreemptedError
from trainers.status import lock
from trainers.storage import refuse_unwritable
from trainers.trials import Trials


def search(
    experiment: experiment_lib.Experiment,
    fixed: Mapping[str, str],
    ranges: Mapping[str, str],
    place: str,
) -> Trials:
    """Makes the search and sees it through, from where it stands.

    Args:
        experiment: as `search_plan.read` gives it, like the next two.
        fixed: arguments by flag.
        ranges: by flag.
        place: as `search_plan.role` gives it.

    Raises:
        UsageError: the chief's address is not free.
        PreemptedError: SIGTERM or SIGINT came.
        grpc.RpcError: the chief is no longer there.
    """
    tuner, trials, executions = experiment_lib.program_flags("tuner", "trials", "executions")
    oracle = oracles.build(
        tuner,
        search_space.hyperparameters(ranges),
        trials=trials,
        epochs=-(-experiment.train_steps // experiment.steps_per_epoch),
        seed=experiment.seed,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from"
        made = Trials(
            oracle,
            pathlib.Path(experiment.workdir),
            fixed=fixed,
            seeds=range(experiment.seed, experiment.seed + executions),
            train_steps=experiment.train_steps,
            steps_per_epoch=experiment.steps_per_epoch,
            quiet=experiment.quiet,
        )
    made.save()
    try:
        made.search()
    except RuntimeError as error:
        if place != "chief":
            raise
        raise UsageError(
            "KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT must be an address of this machine "
            f"that is free. Received: {_address()} ({error})"
        ) from error
    return made


def _address() -> str:
    return ":".join(os.environ[name] for name in search_plan.VARIABLES[1:])


def _run(place: str) -> int:
    experiment, fixed, ranges = search_plan.read()
    # The runs are other processes: this one must not hold the GPU's memory.
    with contextlib.suppress(RuntimeError):  # It uses them already: it did more before.
        tf.config.set_visible_devices([], "GPU")
    refuse_unwritable(experiment.workdir, flag="--workdir")
    assembly.build_data(experiment)
    if place == "worker":
        search(experiment, fixed, ranges, place)
        return 0
    workdir = pathlib.Path(experiment.workdir)
    known = search_plan.open_directory(workdir, search_plan.describe(ranges))
    try:
        with lock(workdir):
            if known and not experiment.quiet:
                print(f"Going on with the search in {workdir}", flush=True)
            search_summaries.announce(workdir, ranges)
            made = search(experiment, fixed, ranges, place)
    except BlockingIOError as error:
        raise UsageError(
            "--workdir is in use by another search; wait for it, choose another directory, or be "
            f"its worker. Received: --workdir={workdir}"
        ) from error
    results = tuning_results.collect(made)
    if not experiment.quiet:
        tuning_results.print_table(results, list(ranges))
    return tuning_results.finish(results, made, experiment)


def main(argv: list[str]) -> int:
    """Reads the flags, searches, shows the trials; returns 0, 2 for a mistake, or of `outcomes`."""
    logging.set_verbosity(logging.ERROR)
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_other_flags(*search_plan.FLAGS)
        return _run(search_plan.role(os.environ))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (PreemptedError, KeyboardInterrupt):
        command = shlex.join(["python", "-m", "trainers.tune", *sys.argv[1:]])
        print(f"stopped, saved; this goes on from there: {command}", file=sys.stderr)
        return outcomes.PREEMPTED
    except OSError as error:
        print(f"error: the search could not be written ({error.strerror})", file=sys.stderr)
        return outcomes.FAILED
    except grpc.RpcError:
        print(f"error: the search's chief at {_address()} does not answer", file=sys.stderr)
        return outcomes.FAILED


cli = functools.partial(program.run, main, search_plan.FLAGS)

if __name__ == "__main__":
    cli()
