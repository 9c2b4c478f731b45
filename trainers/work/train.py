"""Trains one experiment into its directory, from where that stands."""

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from trainers import commands, errors
from trainers.errors import (
    InUseError,
    PeerLostError,
    PreemptedError,
    RunFailedError,
    UsageError,
)
from trainers.reports import tables
from trainers.reports.summaries import Summaries
from trainers.run import assembly, predictions, results, split_data, split_manifest, workers
from trainers.run.loop import Loop
from trainers.run.peers import Peers
from trainers.run.preemption import Preemption
from trainers.run.progress import Progress
from trainers.run.provenance import provenance
from trainers.run.run_directory import RunDirectory
from trainers.run.training import Training
from trainers.settings import experiment as experiment_lib
from trainers.settings import program


def train(
    experiment: experiment_lib.Experiment,
    data: split_data.Data,
    loop: Loop,
    directory: RunDirectory,
    *,
    stop_requested: Callable[[], bool] = lambda: False,
    peers: Peers | None = None,
) -> dict[str, Any]:
    """Trains, evaluates and fills the run's directory; goes on with a run that was interrupted.

    Args:
        experiment: what to train.
        data: as `assembly.prepare` made it.
        loop: as `assembly.prepare` made it.
        directory: where everything goes.
        stop_requested: asked about once a second; see `Training`.
        peers: the processes that train together; None for this one alone.

    Returns:
        What result.json holds.

    Raises:
        UsageError: the directory cannot be written, another process is at work in it, or its run
            began with other data.
        RunFailedError, PreemptedError: see `Training.run`.
    """
    peers = peers or Peers()
    before = directory.status
    manifest = split_manifest.describe(data, seed=experiment.split_seed)
    split_manifest.refuse_other_data(directory.path, manifest)
    with directory.opened():
        split_manifest.write(directory.path, manifest)
        summaries = Summaries(experiment, data, loop, directory.summarizing)
        training = Training(
            experiment,
            loop,
            directory,
            summaries=summaries,
            evaluate=functools.partial(_evaluate_split, experiment, loop, data, directory),
            stop_requested=lambda: stop_requested() or _stops(experiment, loop.step),
            peers=peers,
        )
        training.restore()
        if not loop.step:
            summaries.start()
        label = experiment.label
        if (before or loop.step) and not experiment.quiet:
            _print_resumption(label, before, loop.step)
        with Progress(label, experiment.train_steps, quiet=experiment.quiet) as progress:
            training.run(progress)
        # Of a run that was finished before; a checkpoint knows its accuracy, but not of each image.
        if experiment.test and peers.chiefs(not predictions.are_sound(directory.path)):
            _evaluate_split(experiment, loop, data, directory, "test")
        result = {
            "method": label,
            "test_accuracy": training.measured.get("test", {}).get("accuracy"),
            "validation_accuracy": training.measured.get("validation", {}).get("accuracy"),
            "validation_images": len(data.validation[1]),
            "best_validation": training.best,
            "milliseconds_per_step": 1000 * (training.seconds_per_step or float("nan")),
            "backward_passes": loop.method.backward_passes,
            "weights": "last" if loop.method.evaluated is loop.method.classifier else "averaged",
            "train_steps": experiment.train_steps,
            "seed": experiment.seed,
            "command": commands.own("trainers.train"),
            **provenance(),
        }
        summaries.finish()
        directory.finish(result)
        peers.all(None)  # None leaves while another may still need it.
        return result


def evaluate(loop: Loop, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and cross-entropy (nats) of the classifier in inference mode."""
    return _compare(loop.predict(images), labels)


def _compare(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return {
        "accuracy": float(np.mean(np.argmax(logits, axis=-1) == labels)),
        "cross_entropy": float(tf.reduce_mean(losses)),
    }


def _evaluate_split(
    experiment: experiment_lib.Experiment,
    loop: Loop,
    data: split_data.Data,
    directory: RunDirectory,
    split: str,
) -> dict[str, float]:
    if split == "test" and not experiment.test:
        return {}
    images, labels = {"validation": data.validation, "test": data.test}[split]
    if not len(labels):
        return {}
    logits = loop.predict(images)
    if split == "test":
        directory.keep_predictions(np.argmax(logits, axis=-1), labels)
    return _compare(logits, labels)


def _stops(experiment: experiment_lib.Experiment, step: int) -> bool:
    return experiment.stop_at is not None and step >= experiment.stop_at


def _print_resumption(label: str, before: Mapping[str, Any], step: int) -> None:
    known = {"running": "was killed; ", "preempted": "was preempted; ", None: ""}
    status = before.get("status")  # None where status.json is damaged.
    reason = f" ({before['reason']})" if before.get("reason") else ""
    how = known.get(status, f"{status} before{reason}; ")
    print(f"{label}: {how}going on from step {step}", flush=True)


def run(experiments: Sequence[tuple[experiment_lib.Experiment, str]]) -> int:
    """Trains and shows the results; returns 0, 2 for a mistake, or of `errors`.

    Of several, which differ in their seed, one that fails does not keep the others from it, and one
    that another process has in hand is left to it.

    Args:
        experiments: what to train, and the same as flags, one a line.
    """
    several = len(experiments) > 1
    finished, status, loop = [], 0, None
    for number, (experiment, flags) in enumerate(experiments, start=1):
        if several and not experiment.quiet:
            print(f"[{number}/{len(experiments)}] {experiment.label}, seed {experiment.seed}:")
        try:
            result, loop = _run(experiment, flags, loop)
        except InUseError as error:
            if not several:
                return program.mistake(error)
            print(f"{experiment.workdir} is in the hands of another process, and left to it.")
        except ValueError as error:
            # Nothing ran yet: what does not fit together is the user's to mend, in one sentence.
            return program.mistake(error)
        except RunFailedError as error:
            print(f"error: {error}", file=sys.stderr)
            status = errors.PREEMPTED if isinstance(error, PeerLostError) else errors.FAILED
        except PreemptedError as error:
            # With --stop_at the same command would stop there again.
            left_out = ["stop_at"] if _stops(experiment, error.step) else []
            command = commands.shown("trainers.train", *commands.without(left_out, sys.argv[1:]))
            print(f"{error}; this goes on from there: {command}", file=sys.stderr)
            return errors.PREEMPTED
        else:
            if result is None:
                return 0
            finished.append((experiment.workdir, result))
            if experiment.brief:
                tables.print_result_line(result)
    if finished and not experiment.brief and not experiment.quiet:
        tables.print_results(finished)
        tables.print_next_commands(*(workdir for workdir, _ in finished))
    return status


def _run(
    experiment: experiment_lib.Experiment, flags: str, loop: Loop | None
) -> tuple[dict[str, Any] | None, Loop | None]:
    """Trains one experiment, if it is not finished.

    Args:
        experiment: what to train.
        flags: the same, one flag a line.
        loop: of an earlier seed, or None.

    Returns:
        What result.json holds, None on a worker that is not the chief; and the loop for the next.
    """
    result = results.read(experiment.workdir)
    if result is not None:
        _say_finished(experiment, flags)
        return result, loop
    with workers.together(experiment, flags) as peers:
        result, loop = _train_with(peers, experiment, flags, loop)
    return (result if peers.is_chief else None), loop


def _train_with(
    peers: Peers, experiment: experiment_lib.Experiment, flags: str, loop: Loop | None
) -> tuple[dict[str, Any], Loop]:
    """Trains with the other workers, of which the chief writes and talks."""
    with Preemption() as preemption, workers.scratch(peers, experiment.workdir) as workdir:
        if not peers.is_chief:
            experiment = dataclasses.replace(experiment, quiet=True)
        data, loop = assembly.prepare(experiment, peers, like=loop)
        if peers.any(preemption.requested()):
            raise PreemptedError("stopped before its first step")
        result = train(
            experiment,
            data,
            loop,
            RunDirectory(workdir, flags),
            stop_requested=preemption.requested,
            peers=peers,
        )
        return result, loop


def _say_finished(experiment: experiment_lib.Experiment, flags: str) -> None:
    directory = RunDirectory(experiment.workdir, flags)
    if directory.status.get("status") != "done":  # Killed between the two files.
        # Another worker may be at it.
        with contextlib.suppress(UsageError), directory.opened():
            pass
    if not experiment.quiet:
        print(f"{experiment.workdir} holds a finished run; there is nothing to do.")
