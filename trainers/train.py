"""Trains one experiment: python -m trainers.train --flagfile=... --workdir=..."""

import functools
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from trainers import assembly, outcomes, program, split_manifest, tables
from trainers import experiment as experiment_lib
from trainers.loop import Loop
from trainers.outcomes import PreemptedError, RunFailedError
from trainers.preemption import Preemption
from trainers.progress import Progress
from trainers.provenance import provenance
from trainers.run_directory import RunDirectory
from trainers.summaries import Summaries
from trainers.training import Training
from xadv_tf import data as data_lib


def prepare(experiment: experiment_lib.Experiment) -> tuple[assembly.Data, Loop]:
    """Builds all that training needs and writes nothing.

    Raises:
        ValueError: for an experiment that does not fit together.
    """
    strategy = assembly.build_strategy(experiment)
    data = assembly.build_data(experiment, num_replicas=strategy.num_replicas_in_sync)
    keras.config.set_dtype_policy(experiment.precision)
    with strategy.scope():
        classifier = assembly.build_classifier(experiment, data.dataset)
        method = assembly.build_method(experiment, classifier, pool_size=len(data.split.pool))
    loop = Loop(
        method,
        data.pool,
        data.sampler,
        strategy=strategy,
        augment=_augmentation(experiment),
        jit_compile={"auto": None, "on": True, "off": False}[experiment.jit],
    )
    return data, loop


def train(
    experiment: experiment_lib.Experiment,
    data: assembly.Data,
    loop: Loop,
    directory: RunDirectory,
    *,
    stop_requested: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Trains, evaluates and fills the run's directory; goes on with a run that was interrupted.

    Args:
        experiment: what to train.
        data: as `prepare` made it.
        loop: as `prepare` made it.
        directory: where everything goes.
        stop_requested: asked about once a second; see `Training`.

    Returns:
        What result.json holds.

    Raises:
        UsageError: the directory cannot be written, another process is at work in it, or its run
            began with other data.
        RunFailedError, PreemptedError: see `Training.run`.
    """
    before = directory.status
    manifest = split_manifest.describe(data, seed=experiment.seed)
    split_manifest.refuse_other_data(directory.path, manifest)
    with directory.opened():
        split_manifest.write(directory.path, manifest)
        summaries = Summaries(experiment, data, loop, directory.summarizing)
        training = Training(
            experiment,
            loop,
            directory,
            summaries=summaries,
            evaluate=functools.partial(_evaluate_split, experiment, loop, data),
            stop_requested=lambda: stop_requested() or _stops(experiment, loop.step),
        )
        training.restore()
        if not loop.step:
            summaries.start()
        label = tables.method_label(experiment)
        if before and not experiment.quiet:
            _print_resumption(label, before, loop.step)
        with Progress(label, experiment.train_steps, quiet=experiment.quiet) as progress:
            training.run(progress)
        result = {
            "method": label,
            "test_accuracy": training.measured.get("test", {}).get("accuracy"),
            "validation_accuracy": training.measured.get("validation", {}).get("accuracy"),
            "milliseconds_per_step": 1000 * (training.seconds_per_step or float("nan")),
            "backward_passes": loop.method.backward_passes,
            "train_steps": experiment.train_steps,
            "seed": experiment.seed,
            "command": shlex.join(["python", "-m", "trainers.train", *sys.argv[1:]]),
            **provenance(),
        }
        summaries.finish()
        directory.finish(result)
        return result


def evaluate(loop: Loop, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and cross-entropy (nats) of the classifier in inference mode."""
    logits = loop.predict(images)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return {
        "accuracy": float(np.mean(np.argmax(logits, axis=-1) == labels)),
        "cross_entropy": float(tf.reduce_mean(losses)),
    }


def _evaluate_split(
    experiment: experiment_lib.Experiment, loop: Loop, data: assembly.Data, split: str
) -> dict[str, float]:
    if split == "test" and not experiment.test:
        return {}
    images, labels = {"validation": data.validation, "test": data.test}[split]
    return evaluate(loop, images, labels) if len(labels) else {}


def _stops(experiment: experiment_lib.Experiment, step: int) -> bool:
    return experiment.stop_at is not None and step >= experiment.stop_at


def _print_resumption(label: str, before: Mapping[str, Any], step: int) -> None:
    how = {"running": "was killed", "preempted": "was preempted"}.get(before["status"])
    how = how or f"{before['status']} before ({before['reason']})"
    print(f"{label}: {how}; going on from step {step}", flush=True)


def _augmentation(experiment: experiment_lib.Experiment) -> Any:
    if not experiment.crop and not experiment.flip:
        return None

    def augment(image: tf.Tensor, seed: Any) -> tf.Tensor:
        if experiment.crop:
            offsets = (-2, experiment.crop_offset_max)
            image = data_lib.random_crop(image, seed("crop"), offsets=offsets)
        if experiment.flip:
            image = data_lib.random_flip(image, seed("flip"))
        return image

    return augment


def main(argv: list[str]) -> int:
    """Reads the flags, trains, shows the result; returns 0, 2 for a mistake, or of `outcomes`."""
    logging.set_verbosity(logging.ERROR)
    try:
        experiment_lib.refuse_arguments(argv)
        experiment = experiment_lib.from_flags()
        directory = RunDirectory(experiment.workdir, experiment_lib.to_flagfile())
        result = directory.result
        if result is None:
            with Preemption() as preemption:
                data, loop = prepare(experiment)
                if preemption.requested():
                    raise PreemptedError("stopped before its first step")
                result = train(
                    experiment, data, loop, directory, stop_requested=preemption.requested
                )
        else:
            if directory.status.get("status") != "done":  # Killed between the two files.
                with directory.opened():
                    pass
            if not experiment.quiet:
                print(f"{experiment.workdir} holds a finished run; there is nothing to do.")
    except ValueError as error:
        # Nothing ran yet: what does not fit together is the user's to mend, in one sentence.
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return outcomes.FAILED
    except PreemptedError as error:
        command = shlex.join(["python", "-m", "trainers.train", *sys.argv[1:]])
        print(f"{error}; this goes on from there: {command}", file=sys.stderr)
        return outcomes.PREEMPTED
    if experiment.brief:
        tables.print_result_line(result)
    elif not experiment.quiet:
        tables.print_results([(experiment.workdir, result)])
        tables.print_next_commands(experiment.workdir)
    return 0


cli = functools.partial(program.run, main)

if __name__ == "__main__":
    cli()
