"""What a Keras model asks for of its own weights, beside the terms of a method."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from xadv_tf.methods.players import Player


def penalty(players: Iterable[Player], replicas: int) -> tf.Tensor | None:
    """This replica's share of what the regularizers of the players' weights ask, or None.

    As in `keras.Model.fit` it counts once a step, whatever the number of passes.
    """
    variables = [variable for player in players for variable in player.variables]
    penalties = [v.regularizer(v.value) for v in variables if v.regularizer is not None]
    return tf.add_n(penalties) / replicas if penalties else None


def refuse_activity_regularizers(model: Any) -> None:
    """Refuses regularizers of activities: of a step's several passes none is the one they mean.

    Raises:
        ValueError: if a layer has one.
    """
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if layer.activity_regularizer is not None:
            raise ValueError(
                "A classifier may have regularizers of its weights, but not of its activities. "
                f"Received: activity_regularizer of layer {layer.name}"
            )
