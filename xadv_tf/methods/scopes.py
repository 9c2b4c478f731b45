"""In the scope of which strategy a method and what it trains were made.

Variables of two scopes in one step fail deep within TensorFlow, some with no message at all.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from xadv_tf.methods.players import Player


def is_distributed(variable: Any) -> bool:
    """Whether a Keras variable was made for the replicas of a strategy, be it for one."""
    return isinstance(variable.value, tf.distribute.DistributedValues)


def refuse_other_scopes(players: Sequence[Player], step: Any) -> None:
    """Raises ValueError for a player with weights of another scope than the method's.

    Args:
        players: all of the method.
        step: the method's own variable.
    """
    inside = is_distributed(step)
    for player in players:
        for variable in player.variables:
            if is_distributed(variable) != inside:
                made = ("outside of the strategy's scope", "in it")
                raise ValueError(
                    "A method and all that it trains must be made in the scope of one strategy. "
                    f"Received: the {player.name}'s {variable.path}, made {made[not inside]}, and "
                    f"a method, made {made[inside]}"
                )


def refuse_training_elsewhere(step: Any) -> None:
    """Raises ValueError in the scope of a strategy that has variables of its own, and not this one.

    Args:
        step: the variable of a method that is to be trained here.
    """
    if is_distributed(step) or not tf.distribute.has_strategy():
        return
    # By what it makes: that of a single device may make plain ones.
    if isinstance(tf.Variable(0, trainable=False), tf.distribute.DistributedValues):
        raise ValueError(
            "A method must be made in the scope of the strategy that trains it. "
            f"Received: training in the scope of {type(tf.distribute.get_strategy()).__name__}"
        )


def refuse_xla_across_cpus(strategy: tf.distribute.Strategy) -> None:
    """Raises ValueError for several replicas that XLA cannot compile: those of CPUs."""
    if strategy.num_replicas_in_sync == 1:
        return  # That of no scope at all names no devices.
    devices = strategy.extended.worker_devices
    if any("GPU" not in device for device in devices):
        raise ValueError(
            "jit_compile must not be True on several replicas that are not GPUs, for XLA cannot "
            f"update one from the other. Received: jit_compile=True on {', '.join(devices)}"
        )
