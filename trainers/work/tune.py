"""A search of settings, from where its directory stands."""

import contextlib
import io
import os
import pathlib
import sys
from collections.abc import Mapping

import grpc
import tensorflow as tf

from trainers import commands, errors
from trainers.errors import PreemptedError, UsageError
from trainers.run import split_data
from trainers.run.status import lock
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
from trainers.tuning import oracles, plan, results, search_space, summaries
from trainers.tuning.trials import Trials


def search(
    experiment: experiment_lib.Experiment,
    fixed: Mapping[str, str],
    ranges: Mapping[str, str],
    place: str,
) -> Trials:
    """Makes the search and sees it through, from where it stands.

    Args:
        experiment: as `plan.read` gives it, like the next two.
        fixed: arguments by flag.
        ranges: by flag.
        place: as `plan.role` gives it.

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
    return ":".join(os.environ[name] for name in plan.VARIABLES[1:])


def _search(
    place: str,
    experiment: experiment_lib.Experiment,
    fixed: dict[str, str],
    ranges: Mapping[str, str],
) -> int:
    # The runs are other processes: this one must not hold the GPU's memory.
    with contextlib.suppress(RuntimeError):  # It uses them already: it did more before.
        tf.config.set_visible_devices([], "GPU")
    plan.refuse_ends(fixed, ranges)
    split_data.build(experiment)
    if place == "worker":
        search(experiment, fixed, ranges, place)
        return 0
    workdir = pathlib.Path(experiment.workdir)
    plan.refuse_damaged_oracle(workdir)
    known = plan.open_directory(workdir, plan.describe(ranges))
    try:
        with lock(workdir):
            if known and not experiment.quiet:
                print(f"Going on with the search in {workdir}", flush=True)
            summaries.announce(workdir, ranges)
            made = search(experiment, fixed, ranges, place)
    except BlockingIOError as error:
        raise UsageError(
            "--workdir is in use by another search; wait for it, choose another directory, or be "
            f"its worker. Received: --workdir={workdir}"
        ) from error
    found = results.collect(made)
    if not experiment.quiet:
        results.print_table(found, list(ranges))
    return results.finish(found, made, experiment)


def run(
    place: str,
    experiment: experiment_lib.Experiment,
    fixed: dict[str, str],
    ranges: Mapping[str, str],
) -> int:
    """Searches, shows the trials; returns 0, 2 for a mistake, or of `errors`.

    Args:
        place: as `plan.role` gives it.
        experiment: as `plan.read` gives it, like the next two.
        fixed: arguments by flag.
        ranges: by flag.
    """
    try:
        return _search(place, experiment, fixed, ranges)
    except ValueError as error:
        return program.mistake(error)
    except (PreemptedError, KeyboardInterrupt):
        command = commands.shown("trainers.tune", *sys.argv[1:])
        print(f"stopped, saved; this goes on from there: {command}", file=sys.stderr)
        return errors.PREEMPTED
    except OSError as error:
        print(f"error: the search could not be written ({error.strerror})", file=sys.stderr)
        return errors.FAILED
    except grpc.RpcError:
        print(f"error: the search's chief at {_address()} does not answer", file=sys.stderr)
        return errors.FAILED
