"""Dense and convolution with weight normalisation and mean-only batch normalisation."""

from typing import Any

import keras
import tensorflow as tf

from xadv_tf.layers import data_initialization
from xadv_tf.layers.moments import batch_mean, batch_moments

# Of the published initialisation of V; no unit's variance is below _LEAST_VARIANCE.
_V_STDDEV = 0.05
_LEAST_VARIANCE = 1e-12


class WeightNormalization(keras.layers.Layer):
    """y = W x - mean(W x) + b, W = g V / ||V||, the norm taken over each unit's weights.

    Source: Salimans & Kingma 2016, eq. 2 and section 4, as Laine & Aila 2017 have it. With
    `training=True` the mean is the batch's and the running one moves; otherwise the running one
    is used, which starts at 0 and is not bias-corrected: with a momentum of 0.999 it has reached
    63 % of a constant mean after 1,000 steps. V ~ N(0, 0.05^2). Weights and means are float32
    under every precision policy.

    Within `data_initialization` a pass sets g = initial_stddev / std(V x / ||V||) for each unit,
    so that its output on that batch has that deviation and the mean 0.

    Args:
        units: output channels, at least 1.
        mean_only_batch_norm: subtract the mean. Without it data initialisation sets b = -mean(W x).
        train_scale: whether g is trained.
        initial_stddev: target of the data initialisation, positive; None goes without it.
        momentum: share of the old running mean that each update keeps, in [0, 1].
        synchronized: under `tf.distribute`, take the mean over the batches of all replicas.
        seed: of the initial V.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: for arguments out of range.
    """

    def __init__(
        self,
        units: int,
        *,
        mean_only_batch_norm: bool = True,
        train_scale: bool = True,
        initial_stddev: float | None = 1.0,
        momentum: float = 0.999,
        synchronized: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"the number of units must be at least 1. Received: {units}")
        if initial_stddev is not None and initial_stddev <= 0.0:
            raise ValueError(
                f"initial_stddev must be positive. Received: initial_stddev={initial_stddev}"
            )
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"momentum must lie in [0, 1]. Received: momentum={momentum}")
        self.units = units
        self.mean_only_batch_norm = mean_only_batch_norm
        self.train_scale = train_scale
        self.initial_stddev = initial_stddev
        self.momentum = momentum
        self.synchronized = synchronized
        self.seed = seed
        self.moving_mean: Any = None
        self.initializes_from_data = initial_stddev is not None

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Shape of V for inputs of `channels` channels, [..., units]."""
        raise NotImplementedError

    def linear(self, x: Any, kernel: Any) -> Any:
        """W x."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Creates V, g, b and the running mean."""
        common = {"dtype": "float32", "autocast": False}
        self.v = self.add_weight(
            name="v",
            shape=self.kernel_shape(input_shape[-1]),
            initializer=keras.initializers.RandomNormal(0.0, _V_STDDEV, seed=self.seed),
            **common,
        )
        self.g = self.add_weight(
            name="g", shape=(self.units,), initializer="ones", trainable=self.train_scale, **common
        )
        self.b = self.add_weight(name="b", shape=(self.units,), initializer="zeros", **common)
        if self.mean_only_batch_norm:
            self.moving_mean = self.add_weight(
                name="moving_mean",
                shape=(self.units,),
                initializer="zeros",
                trainable=False,
                **common,
            )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """y, for inputs [batch, ..., channels]; moves the running mean if `training`."""
        x = tf.cast(inputs, self.compute_dtype)
        v = tf.convert_to_tensor(self.v)
        direction = v / tf.sqrt(tf.reduce_sum(tf.square(v), axis=list(range(v.shape.rank - 1))))
        if data_initialization.is_active() and self.initial_stddev is not None:
            self._initialize(self.linear(x, tf.cast(direction, x.dtype)), self.initial_stddev)
        kernel = tf.convert_to_tensor(self.g) * direction
        outputs = self.linear(x, tf.cast(kernel, x.dtype))
        offset = tf.convert_to_tensor(self.b)
        if self.mean_only_batch_norm:
            offset -= self._mean(outputs, bool(training) and self.trainable)
        return outputs + tf.cast(offset, outputs.dtype)

    def _mean(self, outputs: Any, use_batch: bool) -> tf.Tensor:
        moving_mean = tf.convert_to_tensor(self.moving_mean)
        if not use_batch:
            return moving_mean
        mean, _ = batch_mean(tf.cast(outputs, tf.float32), synchronized=self.synchronized)
        if not data_initialization.is_active():
            moved = (1.0 - self.momentum) * (tf.stop_gradient(mean) - moving_mean)
            self.moving_mean.assign(moving_mean + moved)
        return mean

    def _initialize(self, outputs: Any, stddev: float) -> None:
        mean, variance, _ = batch_moments(tf.cast(outputs, tf.float32), synchronized=False)
        scale = stddev * tf.math.rsqrt(tf.maximum(variance, _LEAST_VARIANCE))
        self.g.assign(scale)
        self.b.assign(tf.zeros_like(mean) if self.mean_only_batch_norm else -mean * scale)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, `units` under the name that the subclass gives it."""
        return {
            **super().get_config(),
            "mean_only_batch_norm": self.mean_only_batch_norm,
            "train_scale": self.train_scale,
            "initial_stddev": self.initial_stddev,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="xadv_tf")
class WeightNormDense(WeightNormalization):
    """A dense layer, [batch, channels] -> [batch, units] (see `WeightNormalization`)."""

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """[channels, units]."""
        return (channels, self.units)

    def linear(self, x: Any, kernel: Any) -> Any:
        """The product of matrices."""
        return tf.matmul(x, kernel)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """[batch, units]."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="xadv_tf")
class WeightNormConv2D(WeightNormalization):
    """A convolution, [batch, height, width, channels] (see `WeightNormalization`).

    Args:
        filters: output channels.
        kernel_size: side of the square window.
        strides: step of the window in both directions.
        padding: "same" or "valid".
        **kwargs: of `WeightNormalization`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """[side, side, channels, filters]."""
        return (self.kernel_size, self.kernel_size, channels, self.units)

    def linear(self, x: Any, kernel: Any) -> Any:
        """The convolution."""
        return tf.nn.conv2d(x, kernel, self.strides, self.padding.upper())

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """[batch, height', width', filters]."""
        lost = self.kernel_size - 1 if self.padding == "valid" else 0
        sides = [
            None if side is None else -(-(side - lost) // self.strides)
            for side in input_shape[1:-1]
        ]
        return (input_shape[0], *sides, self.units)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "filters": self.units,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable(package="xadv_tf")
class WeightNormConv2DTranspose(WeightNormConv2D):
    """A transposed convolution, padding "same": [batch, height strides, width strides, filters].

    Arguments of `WeightNormConv2D`.
    """

    def linear(self, x: Any, kernel: Any) -> Any:
        """The transposed convolution."""
        shape = tf.shape(x)
        sides = (shape[1] * self.strides, shape[2] * self.strides)
        outputs = tf.nn.conv2d_transpose(
            x,
            # TensorFlow has the kernel of the convolution that this one transposes.
            tf.transpose(kernel, [0, 1, 3, 2]),
            (shape[0], *sides, self.units),
            self.strides,
        )
        return tf.ensure_shape(outputs, self.compute_output_shape(x.shape))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """[batch, height strides, width strides, filters]."""
        sides = [None if side is None else side * self.strides for side in input_shape[1:-1]]
        return (input_shape[0], *sides, self.units)
