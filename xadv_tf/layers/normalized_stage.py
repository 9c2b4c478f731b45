"""A stage of a ladder network's encoder: linear layer, normalisation, bias, activation."""

from typing import Any

import keras
import tensorflow as tf

from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.layers.moments import standardize

# Under the root of every variance in the released code of the ladder networks.
EPSILON = 1e-10


@keras.saving.register_keras_serializable(package="xadv_tf")
class NormalizedStage(keras.layers.Layer):
    """h' = phi(c (z + b)), z = linear(h) at mean 0 and variance 1 per channel.

    Source: Rasmus et al. 2015, "Semi-supervised learning with ladder networks", algorithm 1. As an
    ordinary layer it normalises by the batch (`training=True`, its running statistics move) or by
    its running statistics. The method `Ladder` runs it step by step instead: `linear`,
    `standardize`, noise, `activate`. z, statistics, b and c are float32 under every precision
    policy.

    Args:
        linear: a built or unbuilt Keras layer without bias and activation: dense, convolution or
            pooling.
        negative_slope: of phi: 0 is the ReLU, 1 the identity, in between leaky.
        bias: whether b is learned, from 0; otherwise it stays 0.
        gain: whether c is learned, from 1; otherwise it stays 1.
        momentum: of the running statistics.
        synchronized: take batch statistics over all replicas.
        **kwargs: of keras.layers.Layer.
    """

    def __init__(
        self,
        linear: Any,
        *,
        negative_slope: float = 0.0,
        bias: bool = True,
        gain: bool = False,
        momentum: float = 0.9,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.linear = linear
        self.negative_slope = negative_slope
        self.bias = bias
        self.gain = gain
        self.momentum = momentum
        self.synchronized = synchronized
        self.statistics = BatchNormalization(
            momentum=momentum,
            epsilon=EPSILON,
            synchronized=synchronized,
            dtype="float32",
            name="statistics",
        )
        self.b: Any = None
        self.c: Any = None

    def build(self, input_shape: Any) -> None:
        """Creates all weights for inputs of `input_shape`, [batch, ...]."""
        if not self.linear.built:
            self.linear.build(input_shape)
        shape = self.linear.compute_output_shape(input_shape)
        self.statistics.build(shape)
        # autocast=False: not to be rounded to bfloat16.
        common = {"shape": (shape[-1],), "dtype": "float32", "autocast": False}
        if self.bias:
            self.b = self.add_weight(name="b", initializer="zeros", **common)
        if self.gain:
            self.c = self.add_weight(name="c", initializer="ones", **common)

    def standardize(self, linear_output: Any) -> tuple[tf.Tensor, ...]:
        """(z, mean, deviation, unbiased variance) of this batch, differentiable; nothing moves."""
        x = tf.cast(linear_output, tf.float32)
        return standardize(x, epsilon=EPSILON, synchronized=self.synchronized)

    def activate(self, z: Any) -> tf.Tensor:
        """phi(c (z + b)), in the stage's compute dtype."""
        if self.bias:
            z += self.b
        if self.gain:
            z *= self.c
        if self.negative_slope == 0.0:
            z = tf.nn.relu(z)
        elif self.negative_slope != 1.0:
            z = tf.nn.leaky_relu(z, self.negative_slope)
        return tf.cast(z, self.compute_dtype)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """The stage without noise; moves the running statistics if `training`."""
        return self.activate(self.statistics(self.linear(inputs), training=training))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the linear layer."""
        return self.linear.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "linear": keras.saving.serialize_keras_object(self.linear),
            "negative_slope": self.negative_slope,
            "bias": self.bias,
            "gain": self.gain,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NormalizedStage":
        """The stage that `get_config` describes."""
        linear = keras.saving.deserialize_keras_object(config["linear"])
        return cls(**{**config, "linear": linear})
