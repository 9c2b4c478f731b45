"""Figure 5a: what a run's masks were at several steps of its training, which is repeated for it.

A run keeps its last checkpoints only. Its training is a function of its flags, to the bit on the
same machine, so that repeating it shows what the masks were, and whether it was so repeated is
looked at in the end.
"""

from collections.abc import Sequence

import numpy as np

from trainers.drawing.drawing import Drawing
from trainers.errors import UsageError
from trainers.reports import shown_images
from trainers.run import assembly
from trainers.run.restore import restore
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags
from xadv_tf import figures
from xadv_tf.methods.trained_mask import TrainedMaskMethod

_IMAGES = 3
# Of the training; masks move fast in the beginning.
_SHARES = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)


def draw(workdir: str, train_steps: int | None = None) -> Drawing:
    """Three rows for each of three training images, a column for each of up to six steps.

    Args:
        workdir: a run of a method that trains masks. Nothing in it is changed.
        train_steps: steps to repeat; None repeats all.

    Raises:
        UsageError: if the run cannot be read, trains no masks or has fewer steps.
    """
    experiment = experiment_lib.from_flags(run_flags.read_with_data(workdir))
    steps = experiment.train_steps if train_steps is None else train_steps
    if steps > experiment.train_steps:
        raise UsageError(
            f"--train_steps must not be more than the run's {experiment.train_steps}. "
            f"Received: --train_steps={steps}"
        )
    data, loop = assembly.prepare(experiment)
    part = shown_images.perturbing(loop.method)
    if not isinstance(part, TrainedMaskMethod):
        raise UsageError(
            "--workdir must be a run of a method that trains masks with --figure=5a. "
            f"Received: --workdir={workdir}, a run of {experiment.label}"
        )
    shown = shown_images.one_of_each_class(data, at_most=_IMAGES)
    snapshots = []
    for step in at_steps(steps):
        if step > loop.step:
            loop.run(step - loop.step)
        seen = part.perturb(shown.image, index=shown.index)
        snapshots.append(figures.Snapshot(step, seen["log_alpha"].numpy(), seen["x_adv"].numpy()))
    picture = figures.draw_evolution(
        shown.image.numpy(),
        shown.label.tolist(),
        snapshots,
        title=f"Masks of {experiment.label} over its training on {experiment.dataset}",
        class_names=data.dataset.class_names,
    )
    told = [
        f"step {each.step}: log_alpha has moved by {figures.mean_move(snapshots[0], each):.4g} on "
        "average"
        for each in snapshots[1:]
    ]
    if steps == experiment.train_steps:
        told.append(_compared(workdir, shown, snapshots[-1]))
    return Drawing(picture, told)


def at_steps(steps: int) -> Sequence[int]:
    """The steps that are looked at, the first 0 and the last `steps`."""
    return sorted({round(share * steps) for share in _SHARES})


def _compared(workdir: str, shown: shown_images.Examples, last: figures.Snapshot) -> str:
    """Whether the repeated training came out where the run did."""
    try:
        _, _, method = restore(workdir)
    except UsageError:
        return "The run has no checkpoint to compare the repeated training with."
    if int(method.step.numpy()) != last.step:
        return "The run is not finished: there is nothing to compare the repeated training with."
    seen = shown_images.perturbing(method).perturb(shown.image, index=shown.index)
    off = float(np.max(np.abs(seen["log_alpha"].numpy() - last.log_alpha)))
    if not off:
        return "The repeated training ended with the run's own masks, to the bit."
    return f"The repeated training's masks differ from the run's by {off:.3g} at most in log_alpha."
