"""Who trains on what: the vocabulary in which a method tells its base class how a step goes."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

Batch = Mapping[str, Mapping[str, Any]]
Terms = Mapping[str, Any]

_IMAGES = ("image", "second_image")


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
        data: a batch {"labeled": {...}, "unlabeled": {...}}, or for supervised training (image,
            label) or (image, label, weight), weight [batch] of the supervised terms. Nones at the
            end are left out, and a batch may stand alone in a tuple.

    Returns:
        A batch; for images and labels, "labeled" and "unlabeled" are the same object, from which
        methods see that one clean forward pass serves both.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(data, tuple | list):
        data = list(data)
        while data and data[-1] is None:
            data.pop()
        if len(data) == 1:
            (data,) = data
    if isinstance(data, Mapping) and {"labeled", "unlabeled"} <= set(data):
        return data
    if isinstance(data, list) and len(data) in (2, 3):
        examples = dict(zip(("image", "label", "weight"), data, strict=False))
        return {"labeled": examples, "unlabeled": examples}
    received = sorted(data) if isinstance(data, Mapping) else type(data).__name__
    raise ValueError(
        "A batch must be (image, label), (image, label, weight) or {'labeled': {...}, "
        f"'unlabeled': {{...}}}}. Received: {received}"
    )


def floating(image: Any, *, tokens: bool = False) -> Any:
    """Images as float32, whatever they come in.

    Args:
        image: [batch, ...], of any real type.
        tokens: whether integers of 32 or 64 bits stay what they are, for they may be tokens.
    """
    if isinstance(image, tf.TensorSpec):
        return image
    kind = keras.backend.standardize_dtype(image.dtype)
    if kind == "float32" or (tokens and kind in ("int32", "int64")):
        return image
    return keras.ops.cast(image, "float32")


def images_to_show(x: Any, classifier: Any) -> tf.Tensor:
    """What a user hands to `perturb`, as float32.

    Args:
        x: images, [batch, ...].
        classifier: the method's; one that knows the shape of its inputs refuses others.

    Raises:
        ValueError: for anything but such images.
    """
    inputs = getattr(classifier, "inputs", None)
    shape = tf.TensorShape(inputs[0].shape if inputs else None)
    try:
        images = tf.convert_to_tensor(x)
        fits = images.dtype.is_floating or images.dtype.is_integer or images.dtype.is_bool
        received = f"{images.dtype.name} of shape {tuple(images.shape)}"
    except (TypeError, ValueError):
        fits, received = False, f"{type(x).__name__}"
    if not fits or images.shape.rank == 1 or not images.shape.is_compatible_with(shape):
        wanted = ", ".join(map(str, shape[1:])) if shape.rank else "..."
        raise ValueError(f"x must be images, [batch, {wanted}]. Received: x={received}")
    return floating(images)


def floating_images(batch: Batch, *, tokens: bool = False) -> Batch:
    """The batch with its images as `floating` has them."""

    def examples(given: Mapping[str, Any]) -> Mapping[str, Any]:
        images = {n: floating(given[n], tokens=tokens) for n in _IMAGES if n in given}
        return given if all(images[n] is given[n] for n in images) else {**given, **images}

    labeled, unlabeled = batch["labeled"], batch["unlabeled"]
    floated = examples(labeled)
    others = floated if unlabeled is labeled else examples(unlabeled)
    return {"labeled": floated, "unlabeled": others}


def is_supervised(batch: Batch) -> bool:
    """Whether the labeled examples are the unlabeled ones, known when the step is traced."""
    return batch["labeled"]["image"] is batch["unlabeled"]["image"]


def first_images(batches_of_data: Iterable[Batch], count: int) -> tf.Tensor:
    """At least `count` unlabeled images, from as many batches as that takes; fewer if they end."""
    images: list[Any] = []
    for batch in batches_of_data:
        images.append(batch["unlabeled"]["image"])
        if sum(len(image) for image in images) >= count:
            break
    return tf.concat(images, axis=0)


def refuse_shared_optimizer(players: Sequence[Player]) -> None:
    """Raises ValueError where two players have one optimizer, which keeps one set of moments."""
    for i, player in enumerate(players):
        for other in players[:i]:
            if player.optimizer is other.optimizer:
                raise ValueError(
                    f"the {other.name} and the {player.name} must have an optimizer each. "
                    f"Received: one {type(player.optimizer).__name__} for both"
                )
