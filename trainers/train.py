"""Trains one experiment: python -m trainers.train --flagfile=... --workdir=..."""

import functools
import shlex
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from trainers import assembly, program, restore, tables
from trainers import experiment as experiment_lib
from trainers.loop import Loop
from trainers.progress import Progress
from trainers.run_directory import RunDirectory, provenance
from xadv_tf import data as data_lib

# Long enough that the host's share of a call is nothing, short enough to watch.
_SECONDS_PER_CALL = 1.0


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
) -> dict[str, Any]:
    """Trains, evaluates and fills the run's directory; goes on with a run that was interrupted.

    Args:
        experiment: what to train.
        data: as `prepare` made it.
        loop: as `prepare` made it.
        directory: where everything goes.

    Returns:
        What result.json holds.
    """
    manager = tf.train.CheckpointManager(
        restore.checkpoint(loop.method), directory.checkpoints, max_to_keep=2
    )
    with loop.strategy.scope():
        manager.restore_or_initialize()
    directory.resume_at(loop.step)
    seconds_per_step = _run_to_end(experiment, data, loop, directory, manager)
    test = evaluate(loop, *data.test)
    directory.log(loop.step, "test", test)
    result = {
        "method": tables.method_label(experiment),
        "test_accuracy": test["accuracy"],
        "validation_accuracy": _validate(loop, data).get("accuracy"),
        "milliseconds_per_step": 1000 * seconds_per_step,
        "backward_passes": loop.method.backward_passes,
        "train_steps": experiment.train_steps,
        "seed": experiment.seed,
        "command": shlex.join(["python", "-m", "trainers.train", *sys.argv[1:]]),
        **provenance(),
    }
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


def _run_to_end(
    experiment: experiment_lib.Experiment,
    data: assembly.Data,
    loop: Loop,
    directory: RunDirectory,
    manager: tf.train.CheckpointManager,
) -> float:
    """Runs the steps that are left; returns the median seconds per step, compilation aside."""
    pace: list[float] = []
    shown: dict[str, float] = {}
    images_per_step = experiment.labeled_batch_size + experiment.unlabeled_batch_size
    with Progress(
        tables.method_label(experiment), experiment.train_steps, quiet=experiment.quiet
    ) as progress:
        while loop.step < experiment.train_steps:
            window_end = min(_next(loop.step, experiment.log_every), experiment.train_steps)
            rows = []
            while loop.step < window_end:
                left = window_end - loop.step
                # The first call compiles: one step, not counted in the pace.
                fitting = int(_SECONDS_PER_CALL / np.median(pace[-5:])) if pace else 1
                count = max(1, min(left, fitting))
                start = time.perf_counter()
                rows.append(loop.run(count))
                if len(rows) > 1 or shown:
                    pace.append((time.perf_counter() - start) / count)
                shown |= loop.means(rows)
                progress.update(loop.step, shown, float(np.median(pace[-20:])) if pace else None)
            logs = loop.means(rows) | loop.learning_rates()
            timings = {}
            if pace:
                timings["images_per_second"] = images_per_step / float(np.median(pace[-20:]))
            directory.log(loop.step, "train", logs, timings)
            if loop.step % experiment.steps_per_epoch == 0 or loop.step == experiment.train_steps:
                validation = _validate(loop, data)
                if validation:
                    directory.log(loop.step, "validation", validation)
                    shown["validation_accuracy"] = validation["accuracy"]
            if loop.step % experiment.checkpoint_every == 0 or loop.step == experiment.train_steps:
                manager.save(checkpoint_number=loop.step)
    return float(np.median(pace)) if pace else float("nan")


def _validate(loop: Loop, data: assembly.Data) -> dict[str, float]:
    return evaluate(loop, *data.validation) if len(data.validation[1]) else {}


def _next(step: int, every: int) -> int:
    return (step // every + 1) * every


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
    """Reads the flags, trains, shows the result."""
    logging.set_verbosity(logging.ERROR)
    try:
        experiment_lib.refuse_arguments(argv)
        experiment = experiment_lib.from_flags()
        data, loop = prepare(experiment)
        directory = RunDirectory(experiment.workdir, experiment_lib.to_flagfile())
    except ValueError as error:
        # Nothing ran yet: what does not fit together is the user's to mend, in one sentence.
        print(f"error: {error}", file=sys.stderr)
        return 2
    result = directory.result
    if result is not None:
        print(f"{experiment.workdir} holds a finished run; there is nothing to do.")
    else:
        result = train(experiment, data, loop, directory)
    if experiment.brief:
        tables.print_result_line(result)
    elif not experiment.quiet:
        tables.print_results([(experiment.workdir, result)])
        tables.print_next_commands(experiment.workdir)
    return 0


cli = functools.partial(program.run, main)

if __name__ == "__main__":
    cli()
