"""A variable's copy on this replica, and rows of it: what a step reads and writes of large tables.

Keras and TensorFlow read the whole of a mirrored variable, and write it from every replica, where a
step means a few rows of the copy on its own device.
"""

from typing import Any

import keras
import tensorflow as tf


def local_variable(variable: Any) -> Any:
    """Returns what stands for `variable` on this replica: a plain `tf.Variable`.

    Within `keras.StatelessScope` it is the tensor that the scope has in its place.

    Args:
        variable: a `keras.Variable` or `tf.Variable`, mirrored or not.
    """
    value = variable.value if isinstance(variable, keras.Variable) else variable
    if isinstance(value, tf.distribute.DistributedValues):
        return value._get_on_device_or_primary()
    return value


def gather_rows(variable: Any, index: Any) -> Any:
    """Returns rows of a variable at the cost of those rows, on this replica's device.

    `tf.gather` on a mirrored variable reads the whole of it first.

    Args:
        variable: a `keras.Variable` or `tf.Variable`, mirrored or not, [rows, ...].
        index: integer [batch].

    Returns:
        [batch, ...], whose gradient to the variable is `tf.IndexedSlices`.
    """
    return tf.gather(local_variable(variable), index)
