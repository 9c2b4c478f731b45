"""Which images are explained, and who is asked beside the classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.errors import UsageError
from trainers.explaining import measuring
from trainers.explaining.measuring import REFEREE, Judge
from trainers.run.restore import restore
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags
from xadv_tf.methods import Method
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.multiplicative import MultiplicativeMethod

Array = npt.NDArray[Any]


def chosen(test: tuple[Any, Any], num_images: int) -> tuple[Array, Array]:
    """As many images, evenly spaced, for a folder's images stand in the order of their classes.

    Args:
        test: (images, labels), as `split_data.Data` has them.
        num_images: at most.

    Returns:
        Images, float32 [images, height, width, channels], and their labels, [images].
    """
    images, labels = test
    places = np.linspace(0, len(labels) - 1, min(num_images, len(labels))).astype(np.int32)
    return np.asarray(images[places], np.float32), np.asarray(labels)[places]


def prediction(method: Method) -> Any:
    """What gives images their logits: the evaluated network."""
    return lambda image: method.evaluated(image, training=False)


def of_seed(referees: Sequence[str], seed: int) -> list[str]:
    """Those trained with a seed, for a run of that seed; all, where none of them is.

    Args:
        referees: directories of runs.
        seed: of the run that they judge.
    """
    own = [
        referee
        for referee in referees
        if experiment_lib.from_flags(run_flags.read(referee, flag="--referee")).seed == seed
    ]
    return own or list(referees)


def appoint(
    referees: Sequence[str],
    image: Array,
    ways: Mapping[str, Array],
    counts: Array,
    *,
    num_images: int,
) -> dict[str, tuple[Judge, dict[str, Any]]]:
    """For each way of switching off the referee that was trained with it, else the first one.

    Args:
        referees: directories of runs.
        image: the test images that are explained.
        ways: the ways' names.
        counts: pixels exchanged at each point of a curve.
        num_images: as `chosen` was asked for.

    Returns:
        {way: (judge, who it is)}; nothing without referees.

    Raises:
        UsageError: for a run without masks, or on other images.
    """
    sworn: dict[str, tuple[Judge, dict[str, Any]]] = {}
    for workdir in referees:
        experiment, data, method = restore(workdir, flag="--referee")
        if find_part(method, MultiplicativeMethod) is None:
            raise UsageError(
                "--referee must be a run of a method with masks, best of random_mask. "
                f"Received: --referee={workdir}, a run of {experiment.method}"
            )
        same, truth = chosen(data.test, num_images)
        if not np.array_equal(same, image):
            raise UsageError(
                "--referee must be a run on the same test images, scaled alike. "
                f"Received: --referee={workdir}, a run on {experiment.dataset} with "
                f"--scaling={experiment.scaling}"
            )
        fill = str(experiment.options.get("fill", "zero"))
        predict = prediction(method)
        accuracy = float(np.mean(measuring.predict_labels(predict, image) == truth))
        about = {
            "workdir": workdir,
            "method": experiment.label,
            "model": experiment.model,
            "fill": fill,
            "accuracy": accuracy,
        }
        sworn.setdefault(fill, (Judge(REFEREE, predict, counts), about))
    found = {}
    for way in ways if sworn else ():
        judge, about = sworn.get(way, next(iter(sworn.values())))
        found[way] = judge, {**about, "same_way": about["fill"] == way}
    return found
