"""Times the steps of one experiment on its data: the benchmark's child.

What its steps should take follows from their operations and from a rate. The rate is that of plain
supervised steps of the same network on a batch as large as the experiment's larger one, timed in
turns with the experiment's own, because a machine's speed drifts: the same convolutions, batch
normalization and updates, nothing of the method. A step that takes longer spends time on something
other than the passes that its formula asks for.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from trainers import errors
from trainers.benchmarking import flops, peak
from trainers.benchmarking.timed_step import time_steps
from trainers.run import assembly, split_data
from trainers.run.loop import Loop
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
from xadv_tf import data as data_lib
from xadv_tf import methods

_ROUNDS = 5


def measure(
    experiment: experiment_lib.Experiment,
    *,
    steps: int,
    peak_seconds: float,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Builds an experiment as training does, takes steps, and writes nothing.

    Args:
        experiment: on one device.
        steps: to time, after one that compiles and is not counted.
        peak_seconds: about how long each of two measurements of the machine's peak takes.
        report: called with a line of progress now and then.

    Returns:
        What the experiment is: "method" (as tables call it), "model", "dataset",
        "labeled_batch_size", "unlabeled_batch_size", "num_labeled", "num_pool", "precision",
        "jit". What was measured: "steps", "operations" of a step, "seconds" per step in each of at
        most 5 rounds, "logs" (means over the steps), "rates" of the machine's kernels before and
        after, and "reference": "batch_size", "operations" and "seconds" of the plain steps.

    Raises:
        ValueError: for an experiment that does not fit together.
        ArithmeticError: a log is not finite.
    """
    report("building data and network")
    data, loop = assembly.prepare(experiment)
    plain = _plain(experiment, data, loop)
    dtype = keras.config.dtype_policy().compute_dtype
    report("measuring the machine's peak")
    rates = peak.measure([dtype], seconds_per_dtype=peak_seconds)
    report("compiling")
    for each in (loop, plain):
        time_steps(each.run, 1, experiment.method)
    seconds, plain_seconds, logs = [], [], []
    done = 0
    for count in _shares(steps, _ROUNDS):
        taken, rows = time_steps(loop.run, count, experiment.method)
        seconds.append(taken)
        logs.append(rows)
        plain_seconds.append(time_steps(plain.run, count, "plain steps")[0])
        done += count
        report(f"{done} of {steps} steps, {1000 * taken:.1f} ms/step")
    rates += peak.measure([dtype], seconds_per_dtype=peak_seconds)
    return {
        "method": experiment.label,
        "model": experiment.model,
        "dataset": experiment.dataset,
        "labeled_batch_size": experiment.labeled_batch_size,
        "unlabeled_batch_size": experiment.unlabeled_batch_size,
        "num_labeled": len(data.split.labeled),
        "num_pool": len(data.split.pool),
        "precision": experiment.precision,
        "jit": loop.jit_compile is not False,
        "steps": steps,
        "operations": _operations(loop),
        "seconds": seconds,
        "logs": loop.means(logs),
        "rates": [dataclasses.asdict(rate) for rate in rates],
        "reference": {
            "batch_size": plain.sampler.labeled_batch_size,
            "operations": _operations(plain),
            "seconds": plain_seconds,
        },
    }


def _plain(experiment: experiment_lib.Experiment, data: split_data.Data, loop: Loop) -> Loop:
    """Steps of maximum likelihood of a network like the experiment's on its larger batch."""
    batch = next(data_lib.training_batches(data.pool, data.sampler))
    image = max((entry["image"] for entry in batch.values()), key=len)
    size = len(image)
    pool = data_lib.PoolData(
        image=image,
        label=tf.range(size) % data.dataset.num_classes,  # Which label it is costs the same.
        labeled_in_pool=tf.range(size),
    )
    sampler = data_lib.Sampler(
        num_labeled=size,
        num_pool=size,
        labeled_batch_size=size,
        unlabeled_batch_size=0,
        seed=experiment.seed,
    )
    method = methods.MLE(assembly.build_classifier(experiment, data.dataset), seed=experiment.seed)
    method.compile()
    return Loop(method, pool, sampler, strategy=loop.strategy, jit_compile=loop.jit_compile)


def _operations(loop: Loop) -> int:
    return sum(flops.count(loop.trace()).values())


def _shares(total: int, parts: int) -> list[int]:
    """The total in at most so many almost equal parts, none of them 0."""
    return [len(part) for part in np.array_split(range(total), min(parts, total))]


def main(argv: Sequence[str]) -> int:
    """Reads from argv[1], as JSON, what to measure; writes lines of progress, then a line of JSON.

    The JSON holds "arguments" (of trainers.train), "steps" and "peak_seconds".
    """
    logging.set_verbosity(logging.ERROR)
    task = json.loads(argv[1])
    try:
        measured = measure(
            experiment_lib.from_flags(experiment_lib.parse(task["arguments"])),
            steps=task["steps"],
            peak_seconds=task["peak_seconds"],
            report=lambda line: print(line, flush=True),
        )
    except (ValueError, ArithmeticError) as error:
        program.mistake(error)
        return errors.FAILED
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
