"""Pictures of what runs learned."""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import console

from trainers import errors
from trainers.drawing import comparison, curves, evolution, geometry, points, weights
from trainers.drawing.drawing import Drawing
from trainers.errors import RunFailedError, UsageError
from trainers.reports import shown_images
from trainers.run.restore import restore
from trainers.run.storage import storing
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
from trainers.work import evaluate
from xadv_tf import figures, methods
from xadv_tf.methods.multiplicative import MultiplicativeMethod


def draw(workdir: str, additive_workdir: str | None = None) -> Any:
    """The figure of one training image of each class, ten classes at most.

    The images are the first of their class in the pool of `workdir`, for which alone a
    transductive mask exists; the run beside it is shown the same ones.

    Args:
        workdir: a run of a method that perturbs images: with masks, or vat or at.
        additive_workdir: a run of vat or at on the same data, to be shown beside masks, or None.

    Raises:
        UsageError: if the runs are not of that kind, or do not fit together.
    """
    experiment, data, method = restore(workdir)
    part = shown_images.perturbing(method)
    if not isinstance(part, MultiplicativeMethod) and (additive_workdir or part is None):
        raise UsageError(
            "--workdir must be a run of a method with masks"
            f"{'' if additive_workdir else ', or of vat or at'}. "
            f"Received: --workdir={workdir}, a run of {experiment.method}"
        )
    shown = shown_images.one_of_each_class(data)
    results = [shown_images.perturbed(method, experiment.label, shown)]
    if additive_workdir:
        results.append(_additive(additive_workdir, experiment, shown))
    return figures.draw_perturbations(
        shown.image.numpy(),
        shown.label.tolist(),
        *results,
        class_names=data.dataset.class_names,
    )


def _additive(
    workdir: str, beside: experiment_lib.Experiment, shown: shown_images.Examples
) -> figures.Result:
    experiment, _, method = restore(workdir, flag="--additive_workdir")
    for name in ("dataset", "scaling"):
        if getattr(experiment, name) != getattr(beside, name):
            raise UsageError(
                f"both runs must have the same --{name}. "
                f"Received: {getattr(beside, name)} and {getattr(experiment, name)}"
            )
    if not isinstance(shown_images.perturbing(method), methods.VAT | methods.AT):
        raise UsageError(
            "--additive_workdir must be a run of vat or at. "
            f"Received: --additive_workdir={workdir}, a run of {experiment.method}"
        )
    return shown_images.perturbed(method, experiment.label, shown)


def _confusion(workdir: str, split: str, weights: str) -> Drawing:
    measured, about = evaluate.evaluate(workdir, split=split, weights=weights)
    return Drawing(evaluate.confusion_picture(measured, about))


_DRAW: Mapping[str, Callable[..., Drawing]] = {
    "masks": lambda workdir, additive_workdir: Drawing(draw(workdir, additive_workdir)),
    "3": geometry.draw,
    "5a": evolution.draw,
    "5b": comparison.draw,
    "6": weights.draw,
    "moons": functools.partial(points.draw, "moons"),
    "circles": functools.partial(points.draw, "circles"),
    "confusion": _confusion,
    "curves": curves.draw,
}


def run(figure: str, given: Mapping[str, Any], *, outputs: Sequence[str], quiet: bool) -> int:
    """Draws, says where the pictures are; returns the exit status.

    Args:
        figure: value of --figure.
        given: values of the flags that this figure takes, by name.
        outputs: the files to write.
        quiet: print nothing.
    """
    try:
        drawing = _DRAW[figure](**given)
        for output in outputs:
            with storing(f"the picture {output}"):
                drawing.save(output)
    except ValueError as error:
        return program.mistake(error)
    except RunFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return errors.FAILED
    if not quiet:
        screen = console.Console()
        for told in drawing.told:
            screen.print(told, highlight=False)
        for output in outputs:
            print(f"Picture: {output}")
    return 0
