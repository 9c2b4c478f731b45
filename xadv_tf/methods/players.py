"""Who trains on what: the vocabulary in which a method tells its base class how a step goes."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

Batch = Mapping[str, Mapping[str, Any]]
Terms = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Player:
    """Variables that descend one objective by one optimizer.

    Attributes:
        name: how logs call the player, e.g. "classifier".
        variables: what it moves. A player that ascends has its gradient reversed inside the losses
            (`layers.reverse_gradient`), so that here everybody descends.
        optimizer: a Keras optimizer.
        objective: key of `Method.objectives()`; players of one objective share a backward pass.
    """

    name: str
    variables: Sequence[Any]
    optimizer: Any
    objective: str = "objective"


@dataclasses.dataclass(frozen=True)
class Phase:
    """One forward and backward pass and the updates that follow from it; a step is one or more.

    Attributes:
        losses: batch -> {term: per-example [batch] or scalar, unweighted}.
        players: who is updated, all from the same forward pass.
    """

    losses: Callable[[Batch], Terms]
    players: Sequence[Player]


def as_batch(data: Any) -> Batch:
    """Brings what `fit` may be given into the form that methods take.

    Args:
        data: a batch {"labeled": {...}, "unlabeled": {...}}, or a pair (image, label) for
            supervised training.

    Returns:
        A batch; for a pair, "labeled" and "unlabeled" are the same object, from which methods see
        that one clean forward pass serves both.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(data, Mapping) and {"labeled", "unlabeled"} <= set(data):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        examples = {"image": data[0], "label": data[1]}
        return {"labeled": examples, "unlabeled": examples}
    received = sorted(data) if isinstance(data, Mapping) else type(data).__name__
    raise ValueError(
        "A batch must be (image, label) or {'labeled': {...}, 'unlabeled': {...}}. "
        f"Received: {received}"
    )


def is_supervised(batch: Batch) -> bool:
    """Whether the labeled examples are the unlabeled ones, known when the step is traced."""
    return batch["labeled"]["image"] is batch["unlabeled"]["image"]


def batches(x: Any, y: Any, batch_size: int) -> Iterator[Batch]:
    """The batches of what `fit` was given, a tf.data.Dataset or arrays x and y, in order."""
    if isinstance(x, tf.data.Dataset):
        yield from map(as_batch, x)
        return
    for i in range(0, len(x), batch_size):
        yield as_batch((x[i : i + batch_size], y[i : i + batch_size]))


def first_images(batches_of_data: Iterable[Batch], count: int) -> tf.Tensor:
    """At least `count` unlabeled images, from as many batches as that takes; fewer if they end."""
    images: list[Any] = []
    for batch in batches_of_data:
        images.append(batch["unlabeled"]["image"])
        if sum(len(image) for image in images) >= count:
            break
    return tf.concat(images, axis=0)


def image_shape(x: Any) -> tuple[int | None, ...]:
    """Shape of a batch of the images that `fit` was given, [batch, ...]."""
    if isinstance(x, tf.data.Dataset):
        return tuple(as_batch(x.element_spec)["labeled"]["image"].shape)
    return (None, *x.shape[1:])
