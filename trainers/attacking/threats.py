"""From a run to the attacks on it: its classifier from the data's own pixels on."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from flags.robustness import IN_BALLS, REMOVALS
from trainers.attacking.settings import Settings
from trainers.errors import UsageError
from trainers.run.split_data import Data
from xadv_tf import attacks, masks
from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import Method
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.multiplicative import MultiplicativeMethod
from xadv_tf.methods.trained_mask import TrainedMaskMethod

HIGH = 255.0  # Pixels of a data set are bytes.
# How much harder an attack searches that is to show that another is too weak.
_HARDER = 4


@dataclasses.dataclass(frozen=True)
class Threat:
    """What an adversary may do, and the attacks that do it.

    Attributes:
        name: "linf", "l2" or "removal".
        strengths: as flags have them, from 0 on.
        sizes: the same in the attacks' units: of pixels from 0 to 255, or how many pixels.
        attacks: by their names on the command line.
    """

    name: str
    strengths: tuple[float, ...]
    sizes: tuple[float, ...]
    attacks: Mapping[str, attacks.Attack]


def of_run(
    method: Method, data: Data, settings: Settings, *, harder: bool = False
) -> tuple[list[Threat], list[str]]:
    """The attacks on a trained method that the settings name.

    Args:
        method: as `restore` gives it.
        data: its data.
        settings: see there.
        harder: with four times the steps, rounds and queries.

    Returns:
        The threats that have attacks, and sentences on the attacks that this run cannot have.

    Raises:
        UsageError: it can have none of them.
    """
    scale = _HARDER if harder else 1
    wanted = set(settings.attacks)
    left_out = []
    if "apgd_dlr" in wanted and data.dataset.num_classes < 3:
        wanted.remove("apgd_dlr")
        left_out.append("no apgd_dlr: the difference of logits ratio needs 3 classes")
    if "square" in wanted and len(data.dataset.image_shape) != 3:
        wanted.remove("square")
        left_out.append("no square: it needs images")
    generator = _generator(method, data)
    if "generated_removal" in wanted and generator is None:
        wanted.remove("generated_removal")
        left_out.append("no generated_removal: the run trained no generator")
    found = [
        _ball(norm, strengths, method, data, settings, wanted, scale)
        for norm, strengths in (("linf", settings.linf), ("l2", settings.l2))
    ]
    found.append(_removal(method, data, settings, wanted, scale, generator))
    if not wanted:
        raise UsageError(
            f"--attacks must name one that the run can have; {'; '.join(left_out)}. "
            f"Received: --attacks={','.join(settings.attacks)}"
        )
    return [threat for threat in found if threat.attacks], left_out


def fill_of(method: Method) -> Any:
    """What the run's masks make of a removed pixel; 0 of the scaled images where it has none."""
    part = find_part(method, MultiplicativeMethod)
    return 0.0 if part is None else part.fill


def _ball(
    norm: str,
    strengths: tuple[float, ...],
    method: Method,
    data: Data,
    settings: Settings,
    wanted: set[str],
    scale: int,
) -> Threat:
    def classifier(images: Any) -> Any:
        return method(data.preprocess(images), training=False)

    steps, restarts = scale * settings.attack_steps, settings.restarts
    ball: dict[str, Any] = {"norm": norm, "low": 0.0, "high": HIGH}
    apgd: dict[str, Any] = {**ball, "steps": steps, "restarts": restarts}
    ratio = attacks.difference_of_logits_ratio
    made: dict[str, Callable[[], attacks.Attack]] = {
        "fgsm": lambda: attacks.FGSM(classifier, **ball),
        "pgd": lambda: attacks.PGD(classifier, **apgd),
        "apgd_ce": lambda: attacks.APGD(classifier, **apgd),
        "apgd_dlr": lambda: attacks.APGD(classifier, loss=ratio, **apgd),
        "square": lambda: attacks.Square(
            classifier, queries=scale * settings.queries, restarts=restarts, **ball
        ),
    }
    chosen = {name: made[name]() for name in IN_BALLS if name in wanted}
    return Threat(norm, strengths, tuple(HIGH * each for each in strengths), chosen)


def _removal(
    method: Method, data: Data, settings: Settings, wanted: set[str], scale: int, generator: Any
) -> Threat:
    fill = fill_of(method)

    def classifier(images: Any, mask: tf.Tensor) -> Any:
        # The run's masks multiply scaled images; a whitened one mixes pixels before that.
        return method(masks.removed(data.preprocess(images), mask, fill), training=False)

    steps = scale * settings.attack_steps
    made: dict[str, Callable[[], attacks.Attack]] = {
        "greedy_removal": lambda: attacks.GreedyRemoval(classifier, rounds=max(1, steps // 2)),
        "trained_removal": lambda: attacks.TrainedRemoval(classifier, steps=steps),
        "generated_removal": lambda: attacks.GeneratedRemoval(classifier, generator),
        "random_removal": lambda: attacks.RandomRemoval(classifier),
    }
    chosen = {name: made[name]() for name in REMOVALS if name in wanted}
    shape = data.dataset.image_shape
    pixels = math.prod(shape[:-1]) if len(shape) > 1 else shape[0]
    # Of a small image two shares may be one number of pixels.
    counts = {round(share * pixels): share for share in reversed(settings.removed)}
    sizes = tuple(sorted(counts))
    return Threat("removal", tuple(counts[size] for size in sizes), sizes, chosen)


def _generator(method: Method, data: Data) -> Any:
    """Images -> log_alpha by the generator that the run trained, or None."""
    part = find_part(method, TrainedMaskMethod)
    if part is None or not isinstance(part.mask, PerturbationGenerator):
        return None
    return lambda images: part.log_alpha(data.preprocess(images))
