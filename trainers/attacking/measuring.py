"""One run under attack: how many images stay right, and whether the attacks can be believed."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.attacking import threats as threats_lib
from trainers.attacking.settings import Settings
from trainers.attacking.threats import Threat
from trainers.run.split_data import Data
from xadv_tf import attacks, metrics
from xadv_tf import data as data_lib
from xadv_tf.methods import Method

WORST = "worst"
# Attacks that search; the others have no setting that makes them stronger.
_SEARCHING = ("pgd", "apgd_ce", "apgd_dlr", "square", "greedy_removal", "trained_removal")
_BY_GRADIENT = ("pgd", "apgd_ce", "apgd_dlr")
# Of the images: more without a gradient are worth a warning.
_VANISHED = 0.01

Say = Callable[[str], None]


def measure(method: Method, data: Data, settings: Settings, *, say: Say) -> dict[str, Any]:
    """Attacks the run's test images.

    Args:
        method: as `restore` gives it.
        data: its data.
        settings: see there.
        say: told of each attack when it is done.

    Returns:
        What stands in robustness.json of the run: {"images", "threats": {threat: {"strengths",
        "sizes", "right": {attack: [images right at each strength]}}}, "vanishing_gradients",
        "warnings", "left_out", "seconds"}. The attack "worst" is all but the random one together:
        an image counts that none of them breaks.

    Raises:
        ValueError: if the classifier's logits are not finite.
    """
    images, labels = _test_images(data, settings.num_images)
    found, left_out = threats_lib.of_run(method, data, settings)
    report: dict[str, Any] = {
        "images": len(labels),
        "threats": {},
        "vanishing_gradients": {},
        "warnings": [],
        "left_out": left_out,
        "seconds": {},
    }
    harder = (
        {
            threat.name: threat
            for threat in threats_lib.of_run(method, data, settings, harder=True)[0]
        }
        if settings.doubt
        else {}
    )
    for threat in found:
        right = {}
        for name, attack in threat.attacks.items():
            began = time.monotonic()
            right[name] = attacks.survival(attack, images, labels, threat.sizes)
            seconds = time.monotonic() - began
            report["seconds"][f"{threat.name}/{name}"] = round(seconds, 2)
            say(f"{threat.name} {name}: {_fall(right[name])}, {seconds:.1f} s")
        worst = [right[name] for name, attack in threat.attacks.items() if attack.worst_case]
        if worst:
            right[WORST] = np.logical_and.reduce(worst)
        report["threats"][threat.name] = {
            "strengths": list(threat.strengths),
            "sizes": list(threat.sizes),
            "right": {name: np.sum(each, axis=1).tolist() for name, each in right.items()},
        }
        _look_for_masking(threat, right, images, labels, report)
        for name in _SEARCHING:
            if name in right and threat.name in harder:
                sentence = _doubt(threat, harder[threat.name], name, right[name], images, labels)
                report["warnings"] += [sentence] if sentence else []
    return report


def _test_images(data: Data, num_images: int | None) -> tuple[Any, np.ndarray]:
    """The test images, as the data set has them, or so many spread evenly over them."""
    images, labels = data.dataset.test_images, data.dataset.test_labels
    if num_images is None or num_images >= len(labels):
        return images, np.asarray(labels)
    places = np.linspace(0, len(labels) - 1, num_images).round().astype(int)
    chosen = (
        images.select(places) if isinstance(images, data_lib.StreamedImages) else images[places]
    )
    return chosen, np.asarray(labels)[places]


def _look_for_masking(
    threat: Threat, right: dict[str, Any], images: Any, labels: Any, report: dict[str, Any]
) -> None:
    """Notes the share of vanishing gradients, and attacks that should be weaker but are not."""
    for name in ("pgd", "apgd_dlr"):
        if threat.name == "linf" and name in threat.attacks:
            loss = "cross-entropy" if name == "pgd" else "difference of logits ratio"
            share = attacks.vanishing_gradients(threat.attacks[name], images, labels)
            report["vanishing_gradients"][loss] = None if math.isnan(share) else share
            if share > _VANISHED:
                report["warnings"].append(
                    f"the {loss} has no gradient at {100 * share:.1f} % of the images that are "
                    "classified right: attacks that follow it leave them standing without a reason"
                )
    followed = [name for name in _BY_GRADIENT if name in right]
    if not followed:
        return
    best = np.logical_and.reduce([right[name] for name in followed])
    for name, why in (
        ("square", "which sees no gradient"),
        ("fgsm", "which takes one step"),
    ):
        if name not in right:
            continue
        places = [i for i in range(len(best)) if _falls_below(right[name][i], best[i])]
        if places:
            i = places[0]
            report["warnings"].append(
                f"{threat.name}: {name}, {why}, leaves {_percent(right[name][i])} % at "
                f"{threat.strengths[i]:g}, and those that follow the gradient together "
                f"{_percent(best[i])} %: the gradient is masked"
            )


def _doubt(
    threat: Threat, harder: Threat, name: str, right: Any, images: Any, labels: Any
) -> str | None:
    """A warning if four times the steps lower the accuracy by more than its interval.

    At the strength that leaves about half of the images, where there is the most to lose and to
    win; only images that stand there are attacked once more.
    """
    accuracy = np.mean(right, axis=1)
    place = 1 + int(np.argmin(np.abs(accuracy[1:] - accuracy[0] / 2)))
    standing = np.flatnonzero(right[place])
    if not len(standing):
        return None
    size = [threat.sizes[place]]
    still = attacks.survival(
        harder.attacks[name], _select(images, standing), labels[standing], size
    )[0]
    after = right[place].copy()
    after[standing] = still
    if not _falls_below(after, right[place]):
        return None
    flag = "queries" if name == "square" else "attack_steps"
    return (
        f"{threat.name}: {name} is too weak: with four times the steps it leaves "
        f"{_percent(after)} % at {threat.strengths[place]:g}, not {_percent(right[place])} %; "
        f"raise --{flag}"
    )


def _select(images: Any, places: np.ndarray) -> Any:
    return images.select(places) if isinstance(images, data_lib.StreamedImages) else images[places]


def _falls_below(lower: Any, upper: Any) -> bool:
    """Whether the one accuracy is below the other's 95 % interval (Wilson)."""
    low, _ = metrics.accuracy_interval(int(np.sum(upper)), len(upper))
    return bool(np.mean(lower) < low)


def _fall(right: Any) -> str:
    return f"{_percent(right[0])} % to {_percent(right[-1])} %"


def _percent(right: Any) -> str:
    return f"{100 * np.mean(right):.1f}"
