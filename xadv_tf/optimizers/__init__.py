"""Adam as published, its equal for tables of which a step touches few rows, and schedules."""

from collections.abc import Callable
from typing import Any

import keras

from xadv_tf.optimizers.adam import Adam
from xadv_tf.optimizers.ramps import Ramp
from xadv_tf.optimizers.row_adam import RowAdam

__all__ = ["Adam", "Ramp", "RowAdam", "get"]


def get(optimizer: Any, default: Callable[[], Any]) -> Any:
    """An optimizer from what `keras.optimizers.get` takes, e.g. "sgd"; `default()` for None."""
    return default() if optimizer is None else keras.optimizers.get(optimizer)
