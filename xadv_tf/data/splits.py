"""Which training examples carry a label, which are the unlabeled pool, which are held back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int32]

# Each draw has a stream of its own, so one draw's size does not change what the other one sees.
_VALIDATION_STREAM = 0
_LABELED_STREAM = 1


@dataclass(frozen=True)
class Split:
    """Positions in the training set, int32, each array in ascending order.

    Attributes:
        labeled: [num_labeled], a subset of the pool.
        pool: [num_train - num_validation], every example that is not held back. It includes the
            labeled ones, as in all published semi-supervised results.
        validation: [num_validation], disjoint from the pool.
        labeled_in_pool: [num_labeled], where in the pool each labeled example stands:
            pool[labeled_in_pool] == labeled.
    """

    labeled: Positions
    pool: Positions
    validation: Positions
    labeled_in_pool: Positions

    def pool_labels(self, labels: npt.ArrayLike) -> Positions:
        """The pool's classes, int32 [pool], -1 where an example is not labeled.

        Args:
            labels: those of all training examples, [num_train].
        """
        known = np.full(len(self.pool), -1, np.int32)
        known[self.labeled_in_pool] = np.asarray(labels)[self.labeled]
        return known


def split(
    labels: npt.ArrayLike,
    *,
    num_classes: int,
    num_labeled: int | None,
    num_validation: int,
    seed: int,
    balanced: bool = True,
    class_names: Sequence[str] = (),
) -> Split:
    """Splits a training set, the same way for the same arguments on every machine.

    The validation examples are drawn first, uniformly, from all training examples whose class is
    known; the labeled ones from what is left of these. Labeled sets of one seed are nested: a
    smaller one is part of a larger one.

    Args:
        labels: integers [num_train] in [0, num_classes), or -1 where the class is not known: such
            examples are of the pool alone.
        num_classes: number of classes.
        num_labeled: how many examples carry a label; None or 0 means all in the pool that have one
            (supervised).
        num_validation: how many examples are held back, fewer than have a class.
        seed: a non-negative integer.
        balanced: take num_labeled / num_classes of every class; otherwise any examples.
        class_names: [num_classes], what errors call the classes; by default their numbers.

    Raises:
        ValueError: a count is out of range or not divisible, a class has too few examples or no
            labeled one, or a label lies outside the classes.
    """
    labels = _checked_labels(labels, num_classes)
    names = class_names or range(num_classes)
    num_train, known = len(labels), labels >= 0
    num_known = np.count_nonzero(known)
    if not 0 <= num_validation < num_known:
        raise ValueError(
            f"num_validation must lie in [0, {num_known}), the size of the training set"
            f"{'' if num_known == num_train else ' without what has no class'}. "
            f"Received: num_validation={num_validation}"
        )
    held_back = np.zeros(num_train, bool)
    order = _permutation(num_train, seed, _VALIDATION_STREAM)
    held_back[order[known[order]][:num_validation]] = True
    pool = np.flatnonzero(~held_back)
    if not num_labeled:
        labeled = pool[known[pool]]
    else:
        order = _permutation(num_train, seed, _LABELED_STREAM)
        order = order[(known & ~held_back)[order]]
        labeled = np.sort(_first(order, labels, names, num_labeled, balanced))
    counts = np.bincount(labels[labeled], minlength=num_classes)
    if not counts.all():
        raise ValueError(
            f"every class must have a labeled example, and class {names[int(counts.argmin())]} has "
            "none. "
            f"Received: {len(labeled)} labeled examples of {np.count_nonzero(counts)} of "
            f"{num_classes} classes"
        )
    arrays = (labeled, pool, np.flatnonzero(held_back), np.searchsorted(pool, labeled))
    return Split(*(array.astype(np.int32) for array in arrays))


def _first(order: Any, labels: Any, names: Sequence[Any], num_labeled: int, balanced: bool) -> Any:
    """The first num_labeled of `order`, or the first num_labeled / classes of each class."""
    num_classes = len(names)
    if not 0 < num_labeled <= len(order):
        raise ValueError(
            f"num_labeled must lie in [0, {len(order)}], the images of the pool with a class. "
            f"Received: num_labeled={num_labeled}"
        )
    if not balanced:
        return order[:num_labeled]
    if num_labeled % num_classes:
        raise ValueError(
            f"num_labeled must be a multiple of num_classes={num_classes} unless balanced=False. "
            f"Received: num_labeled={num_labeled}"
        )
    per_class = num_labeled // num_classes
    available = np.bincount(labels[order], minlength=num_classes)
    if available.min() < per_class:
        raise ValueError(
            f"num_labeled={num_labeled} needs {per_class} examples of every class, and class "
            f"{names[int(available.argmin())]} has fewer in the pool. Received: {available.min()}"
        )
    return np.concatenate([order[labels[order] == c][:per_class] for c in range(num_classes)])


def _permutation(size: int, seed: int, stream: int) -> Any:
    # NumPy may change how a Generator shuffles, but not the bits of a bit generator: sort those.
    bits = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(size)
    return np.argsort(bits, kind="stable")


def _checked_labels(labels: npt.ArrayLike, num_classes: int) -> npt.NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim != 1 or not array.size or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            "labels must be a non-empty vector of integers. "
            f"Received: shape {array.shape}, dtype {array.dtype}"
        )
    if array.min() < -1 or array.max() >= num_classes:
        raise ValueError(
            f"labels must lie in [0, {num_classes}), or be -1 for none. "
            f"Received: labels from {array.min()} to {array.max()}"
        )
    return array
