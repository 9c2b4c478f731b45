"""Weights that follow other weights: averaged classifiers and teachers."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from xadv_tf.local_variables import local_variable
from xadv_tf.optimizers.adam import one_minus_power


def clone(model: Any, input_shape: Any) -> Any:
    """A Keras model like `model`, with the same weights in variables of its own.

    Args:
        model: built; functional, sequential, or of a class whose `get_config` Keras can use.
        input_shape: [batch, ...] of its input.

    Raises:
        ValueError: for a class that Keras cannot make again.
    """
    try:
        twin = keras.models.clone_model(model)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            "A classifier of which a second copy is kept must be a functional or sequential model "
            f"or have a get_config. Received: {type(model).__name__}"
        ) from error
    if not twin.built:
        twin(keras.Input(input_shape[1:]))
    copy(twin, model)
    return twin


def copy(follower: Any, leader: Any) -> None:
    """Gives one model the other's weights, running statistics included; outside `strategy.run`."""
    for variable, source in zip(follower.weights, leader.weights, strict=True):
        variable.assign(source.value)
    for layer in follower._flatten_layers(include_self=True, recursive=True):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # It computes with constants that it makes from its weights.


def follow(followers: Sequence[Any], leaders: Sequence[Any], rate: Any) -> None:
    """Moves each follower by rate (leader - follower), on this replica's copy.

    Args:
        followers: Keras variables, on every replica the same.
        leaders: as many of the same shapes.
        rate: scalar in [0, 1]; 1 copies, to the bit.
    """
    rate = tf.cast(rate, tf.float32)
    for follower, leader in zip(followers, leaders, strict=True):
        value = leader.value
        if tf.as_dtype(follower.dtype).is_floating:  # There are counters as well.
            # Convex, so that a rate of 1 is exact.
            value = (1.0 - rate) * follower.value + rate * value
        local_variable(follower).assign(value)


def debiased_rate(decay: float, step: Any) -> tf.Tensor:
    """The rate at which `follow` gives the bias-corrected average of all weights so far.

    With it the average after t steps is sum_i decay^(t-i) w_i / sum_i decay^(t-i), i = 1..t: the
    correction of Adam, and no trace of the weights before the first step.

    Args:
        decay: in (0, 1).
        step: steps finished before this one, integer scalar.
    """
    return one_minus_power(decay, tf.ones(())) / one_minus_power(
        decay, tf.cast(step, tf.float32) + 1.0
    )
