"""Max pooling whose gradient can be computed in a fixed order on every device."""

import functools
import itertools
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import determinism


@keras.saving.register_keras_serializable(package="xadv_tf")
class MaxPooling2D(keras.layers.MaxPooling2D):
    """keras.layers.MaxPooling2D, also where deterministic kernels are asked for.

    With TF_DETERMINISTIC_OPS=1 XLA refuses the gradient of TensorFlow's max pooling on a GPU. Then
    windows that do not overlap are compared slice by slice, in images of known size. Output and
    gradient are the same to the bit: where several pixels are the largest, the first of them in
    reading order gets it all.
    """

    def call(self, inputs: Any) -> Any:
        """[batch, height, width, channels] -> the largest of each window."""
        apart = self.pool_size == self.strides and self.data_format == "channels_last"
        known = None not in inputs.shape[1:3]
        if apart and known and determinism.is_required():
            return _largest_of_slices(inputs, *self.pool_size, same=self.padding == "same")
        return super().call(inputs)


def _largest_of_slices(x: tf.Tensor, rows: int, columns: int, *, same: bool) -> tf.Tensor:
    height, width = x.shape[1], x.shape[2]
    if same:  # The windows at the far edges reach beyond the image, by one half of what is missing.
        below, right = -height % rows, -width % columns
        around = [[below // 2, below - below // 2], [right // 2, right - right // 2]]
        x = tf.pad(x, [[0, 0], *around, [0, 0]], constant_values=x.dtype.min)
        height, width = height + below, width + right
    height, width = height - height % rows, width - width % columns
    offsets = itertools.product(range(rows), range(columns))
    # tf.maximum sends the gradient of equal values to its first argument.
    return functools.reduce(tf.maximum, (x[:, i:height:rows, j:width:columns] for i, j in offsets))
