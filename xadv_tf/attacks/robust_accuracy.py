"""Robust accuracy: which images are still classified right, over an attack's strengths."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xadv_tf import noise
from xadv_tf.attacks.attack import Attack

# Of the largest value of an image: what float32 may round.
_ROUNDING = 1e-5


def survival(
    attack: Attack,
    images: Any,
    labels: npt.NDArray[Any],
    strengths: Sequence[float],
    *,
    batch_size: int = 1000,
    seed: int = 0,
) -> npt.NDArray[np.bool_]:
    """Which images the classifier gets right under an attack.

    Where the attack is a worst case, an image that is wrong without it, or broken by a smaller
    strength, stays broken and is not attacked again. What an attack returns is classified once
    more, and must lie within what it is allowed: no attack is believed.

    Args:
        attack: any.
        images: [images, ...], in the classifier's units: an array, or what gives such by slices.
        labels: the true classes, integers [images].
        strengths: rising; 0 is no attack.
        batch_size: images at a time.
        seed: of the attack's randomness.

    Returns:
        bool [strengths, images].

    Raises:
        ValueError: if strengths do not rise, or a logit is not finite.
        RuntimeError: if the attack left what it is allowed.
    """
    if list(strengths) != sorted(set(strengths)) or any(each < 0 for each in strengths):
        raise ValueError(f"strengths must rise from 0 or above. Received: {list(strengths)}")
    right = np.zeros((len(strengths), len(labels)), bool)
    for start in range(0, len(labels), batch_size):
        part = slice(start, start + batch_size)
        batch, truth = np.asarray(images[part], np.float32), np.asarray(labels[part])
        standing = _clean(attack, batch, truth)
        for i, strength in enumerate(strengths):
            pair = noise.seed_pair(seed, f"{type(attack).__name__}/{strength:g}/{start}", 0, 0)
            if not strength:
                right[i, part] = standing
            elif not attack.worst_case:
                right[i, part] = _attacked(attack, batch, truth, strength, pair)
            else:
                tried = np.flatnonzero(standing)
                if len(tried):
                    alive = _attacked(attack, batch[tried], truth[tried], strength, pair)
                    standing = standing.copy()
                    standing[tried] = alive
                right[i, part] = standing
    return right


def vanishing_gradients(
    attack: Attack, images: Any, labels: npt.NDArray[Any], *, batch_size: int = 1000
) -> float:
    """The share of images, of those that are classified right, on which the loss has no gradient.

    Its gradient is 0 everywhere, or not finite, at the image itself: an attack that follows it goes
    nowhere, and what it leaves standing says nothing. NaN where no image is classified right.

    Args:
        attack: any that raises a loss.
        images: [images, ...].
        labels: the true classes, integers [images].
        batch_size: images at a time.
    """
    counted = zero = 0
    for start in range(0, len(labels), batch_size):
        part = slice(start, start + batch_size)
        broken, largest = (
            each.numpy()
            for each in attack.gradient_size(np.asarray(images[part], np.float32), labels[part])
        )
        counted += int(np.sum(~broken))
        zero += int(np.sum(~broken & (largest == 0)))
    return zero / counted if counted else float("nan")


def _clean(attack: Attack, images: Any, labels: Any) -> Any:
    return _right(attack, images, labels, attack.unperturbed(images))


def _attacked(attack: Attack, images: Any, labels: Any, strength: float, seed: Any) -> Any:
    found = attack(images, labels, strength, seed=seed).numpy()
    excess = attack.excess(images, found, strength)
    if excess > _ROUNDING * max(1.0, float(np.max(np.abs(images)))):
        raise RuntimeError(
            f"{type(attack).__name__} went {excess:g} beyond what it may at strength {strength:g}"
        )
    return _right(attack, images, labels, found)


def _right(attack: Attack, images: Any, labels: Any, found: Any) -> Any:
    logits = np.asarray(attack.predict(images, found))
    if not np.all(np.isfinite(logits)):
        raise ValueError(
            "logits must be finite. Received: NaN or infinity for "
            f"{np.sum(~np.all(np.isfinite(logits), axis=-1))} of {len(logits)} images"
        )
    return np.argmax(logits, axis=-1) == labels
