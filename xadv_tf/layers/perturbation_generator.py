"""The inductive mask: a small network that maps an image to the log_alpha of its gates."""

from typing import Any

import keras
import tensorflow as tf

_MAX_DEPTH = 5
# By the rank of the input.
_CONVOLUTIONS = {3: keras.layers.Conv1D, 4: keras.layers.Conv2D, 5: keras.layers.Conv3D}
# U(-1/sqrt(fan_in), 1/sqrt(fan_in)), the released code's; Keras's Glorot is about twice as wide.
_KERNEL_INITIALIZER = keras.initializers.VarianceScaling(
    scale=1 / 3, mode="fan_in", distribution="uniform"
)


@keras.saving.register_keras_serializable(package="xadv_tf")
class PerturbationGenerator(keras.layers.Layer):
    """log_alpha = g(x): 3x3 convolutions with ReLU between, none after the last (inductive xVAT).

    Being a function of x it needs no index, costs no memory per example, and masks images that it
    has never seen. Sequences [batch, length, channels] and volumes have convolutions of one and of
    three axes instead, vectors [batch, features] dense layers.

    Args:
        depth: number of layers, 1 (the paper's) to 5.
        width: channels (units) of the layers before the last.
        pooling: side of the square of pixels that share one gate. 1 gives each pixel its own; more
            averages the image first and gives a mask of lower resolution, for large images.
        channels: gates per pixel: 1 masks all colours together, the image's number of channels
            masks each of them.
        bias: initial bias of the last layer; positive values start with more open gates.
        seed: of the initial weights.
        **kwargs: of keras.layers.Layer.

    Raises:
        ValueError: for arguments out of range.
    """

    def __init__(
        self,
        *,
        depth: int = 1,
        width: int = 16,
        pooling: int = 1,
        channels: int = 1,
        bias: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if not 1 <= depth <= _MAX_DEPTH:
            raise ValueError(f"depth must be 1 to {_MAX_DEPTH}. Received: depth={depth}")
        for name, value in (("width", width), ("pooling", pooling), ("channels", channels)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1. Received: {name}={value}")
        self.depth = depth
        self.width = width
        self.pooling = pooling
        self.channels = channels
        self.bias = bias
        self.seed = seed
        self._layers_of_g: list[Any] = []

    def build(self, input_shape: Any) -> None:
        """Creates the layers for images [batch, height, width, channels] or other inputs.

        Raises:
            ValueError: for inputs of another rank, or channels other than 1 or the image's.
        """
        rank = len(input_shape)
        if rank != 2 and rank not in _CONVOLUTIONS:
            raise ValueError(
                "PerturbationGenerator takes images [batch, height, width, channels], sequences "
                "[batch, length, channels], volumes [batch, depth, height, width, channels] or "
                f"vectors [batch, features]. Received: input_shape={tuple(input_shape)}"
            )
        if rank > 2 and self.channels not in (1, input_shape[-1]):
            raise ValueError(
                f"channels must be 1 or the image's {input_shape[-1]}. "
                f"Received: channels={self.channels}"
            )
        in_shape = tuple(input_shape)
        for i in range(self.depth):
            last = i == self.depth - 1
            common: dict[str, Any] = {
                "kernel_initializer": _seeded(self.seed, i),
                "bias_initializer": keras.initializers.Constant(self.bias if last else 0.0),
                "activation": None if last else "relu",
                "dtype": self.dtype_policy,
                "name": f"layer_{i}",
            }
            if rank > 2:
                filters = self.channels if last else self.width
                layer = _CONVOLUTIONS[rank](filters, 3, padding="valid", **common)
                layer.build(in_shape)
                in_shape = (*in_shape[:-1], filters)
            else:
                units = input_shape[-1] if last else self.width
                layer = keras.layers.Dense(units, **common)
                layer.build(in_shape)
                in_shape = (in_shape[0], units)
            self._layers_of_g.append(layer)

    def call(self, x: Any) -> tf.Tensor:
        """log_alpha, float32: [batch, ceil(height/pooling), ceil(width/pooling), channels]."""
        x = tf.cast(x, tf.float32)
        if len(x.shape) == 2:
            for layer in self._layers_of_g:
                x = layer(x)
            return x
        if self.pooling > 1:
            x = tf.nn.avg_pool(x, self.pooling, self.pooling, "SAME")
        border = [[0, 0], *[[1, 1]] * (len(x.shape) - 2), [0, 0]]
        for layer in self._layers_of_g:
            # PyTorch's replication padding of one pixel, as in the released code.
            x = layer(tf.pad(x, border, mode="SYMMETRIC"))
        return x

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of log_alpha for inputs of `input_shape`."""
        if len(input_shape) == 2:
            return tuple(input_shape)
        sides = [None if side is None else -(-side // self.pooling) for side in input_shape[1:-1]]
        return (input_shape[0], *sides, self.channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "depth": self.depth,
            "width": self.width,
            "pooling": self.pooling,
            "channels": self.channels,
            "bias": self.bias,
            "seed": self.seed,
        }


def _seeded(seed: int | None, layer: int) -> Any:
    config = _KERNEL_INITIALIZER.get_config()
    return keras.initializers.VarianceScaling(
        **{**config, "seed": None if seed is None else seed + layer}
    )
