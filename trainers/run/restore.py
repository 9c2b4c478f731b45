"""A run read back: what its directory says it was, and what it had learned."""

import pathlib

from trainers.errors import UsageError
from trainers.run import assembly, split_data, split_manifest
from trainers.run.checkpoints import Checkpoints, checkpoint
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags
from xadv_tf import data as data_lib
from xadv_tf.methods import Method

Restored = tuple[experiment_lib.Experiment, split_data.Data, Method]


def restore(workdir: str, *, flag: str = "--workdir", weights: str = "last") -> Restored:
    """Rebuilds a run from its config.flags and one of its checkpoints, on one device.

    Sets the precision of this process to the run's, see `assembly.set_precision`.

    Args:
        workdir: the run's directory.
        flag: the flag that named it, for messages.
        weights: "last", the newest intact checkpoint; "best", the one that was best on validation;
            "ema", the newest with the averaged weights as the network that is evaluated.

    Returns:
        The experiment, its data as it was split, and the trained method.

    Raises:
        UsageError: if there is no run, it lacks a checkpoint or such weights, or its data is not
            there or no longer the same.
    """
    values = run_flags.read_with_data(workdir, flag=flag)
    run = pathlib.Path(workdir)
    checkpoints = Checkpoints(run / ("best" if weights == "best" else "checkpoints"), keep=2)
    step = checkpoints.newest()
    if step is None:
        raise UsageError(
            "--weights=best needs a run with --num_validation above 0 that has reached the end of "
            f"an epoch. Received: {flag}={workdir}"
            if weights == "best"
            else f"{flag} must name a run with an intact checkpoint; train it first. "
            f"Received: {flag}={workdir}"
        )
    experiment = experiment_lib.from_flags(values)
    data = split_data.build(experiment)
    split_manifest.refuse_other_data(run, split_manifest.describe(data, seed=experiment.split_seed))
    assembly.set_precision(experiment)
    classifier = assembly.build_classifier(experiment, data.dataset)
    method = assembly.build_method(
        experiment,
        classifier,
        pool_size=len(data.split.pool),
        fill=split_data.fill(experiment, data),
    )
    if weights == "ema":
        if method.averaged is None:
            raise UsageError(
                f"--weights=ema needs a run with --ema_decay. Received: {flag}={workdir}"
            )
        method.evaluate_ema = True
    checkpoints.restore_or_newer(checkpoint(method), step)
    method.prepare_evaluation(data_lib.training_batches(data.pool, data.sampler))
    return experiment, data, method
