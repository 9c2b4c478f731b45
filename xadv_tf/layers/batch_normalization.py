"""Batch normalisation with the settings of the published systems."""

from typing import Any

import keras
import tensorflow as tf

from xadv_tf import determinism
from xadv_tf.layers.moments import batch_moments, num_synchronized


@keras.saving.register_keras_serializable(package="xadv_tf")
class BatchNormalization(keras.layers.Layer):
    """Normalises the last axis (Ioffe & Szegedy 2015, Algorithms 1 and 2).

    It follows the originals where `keras.layers.BatchNormalization` does not: the running variance
    is the unbiased one, there is no scale and no offset by default, and the defaults of `momentum`
    and `epsilon` are those of the xVAT networks. Statistics are float32 under every precision
    policy.

    With `training=True` the statistics are the batch's and the running ones move; otherwise the
    running ones are used. As in Keras, `trainable = False` freezes the layer, which then uses the
    running statistics in training too. For batch statistics without an update, call the model
    within a `keras.StatelessScope()`, as `methods.passes.training_pass` does.

    Shapes: input [batch, ..., channels], output the same.

    Args:
        momentum: share of the old running statistic that each update keeps, in [0, 1].
        epsilon: added to the variance under the root.
        affine: learn a scale `gamma` (from 1) and an offset `beta` (from 0).
        synchronized: under `tf.distribute`, take the moments over the batches of all replicas, so
            that several replicas equal one. Otherwise each replica normalises by its own batch and
            keeps its own running statistics, and a checkpoint holds those of the first.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Raises:
        ValueError: if `momentum` or `epsilon` is out of range, or the number of channels is not
            known when the layer is built.
    """

    def __init__(
        self,
        *,
        momentum: float = 0.9,
        epsilon: float = 2e-5,
        affine: bool = False,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        """Keeps the settings; `build` creates the weights."""
        super().__init__(**kwargs)
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"momentum must lie in [0, 1]. Received: momentum={momentum}")
        if epsilon <= 0.0:
            raise ValueError(f"epsilon must be positive. Received: epsilon={epsilon}")
        self.momentum = momentum
        self.epsilon = epsilon
        self.affine = affine
        self.synchronized = synchronized
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the statistics (and gamma, beta) for input_shape[-1] channels."""
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"the last axis of the input must be known. Received: input_shape={input_shape}"
            )
        # autocast=False: neither statistics nor gamma may be rounded to bfloat16.
        common = {
            "shape": (channels,),
            "dtype": "float64" if self.variable_dtype == "float64" else "float32",
            "autocast": False,
        }
        if self.affine:
            self.gamma = self.add_weight(name="gamma", initializer="ones", **common)
            self.beta = self.add_weight(name="beta", initializer="zeros", **common)
        self.moving_mean = self.add_weight(
            name="moving_mean", initializer="zeros", trainable=False, **common
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", initializer="ones", trainable=False, **common
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Normalises `inputs`; moves the running statistics if `training`."""
        moving_mean = tf.convert_to_tensor(self.moving_mean)
        moving_variance = tf.convert_to_tensor(self.moving_variance)
        gamma = tf.convert_to_tensor(self.gamma) if self.affine else tf.ones_like(moving_mean)
        beta = tf.convert_to_tensor(self.beta) if self.affine else tf.zeros_like(moving_mean)

        use_batch = bool(training) and self.trainable
        statistics = None if use_batch else (moving_mean, moving_variance)
        # On a GPU the one op has no deterministic gradient at running statistics.
        if use_batch:
            elementary = num_synchronized(self.synchronized) > 1
        else:
            elementary = determinism.is_required()
        if elementary or moving_mean.dtype == tf.float64:
            outputs, mean, variance = self._normalize(inputs, gamma, beta, statistics)
        else:
            outputs, mean, variance = self._normalize_fused(inputs, gamma, beta, statistics)

        if use_batch:
            rate = 1.0 - self.momentum
            self.moving_mean.assign(moving_mean + rate * (mean - moving_mean))
            self.moving_variance.assign(moving_variance + rate * (variance - moving_variance))
        return outputs

    def _normalize_fused(
        self, inputs: Any, gamma: Any, beta: Any, statistics: tuple[Any, Any] | None
    ) -> tuple[Any, Any, Any]:
        """Returns the output, mean and unbiased variance by one op.

        The op reads 16-bit input and accumulates in float32. In float32 on CPU it takes a quarter
        of the time that elementary ops take for a convolution's output, and half for a dense
        layer's.
        """
        images = inputs
        if inputs.shape.rank != 4:
            images = tf.reshape(inputs, [-1, 1, 1, inputs.shape[-1]])
        none = tf.zeros([0], tf.float32)
        mean, variance = (none, none) if statistics is None else statistics
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=gamma,
            offset=beta,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=statistics is None,
        )
        if images is not inputs:
            outputs = tf.reshape(outputs, tf.shape(inputs))
        # A loss must not reach the statistics: the op has no gradient for them.
        return outputs, tf.stop_gradient(mean), tf.stop_gradient(variance)

    def _normalize(
        self, inputs: Any, gamma: Any, beta: Any, statistics: tuple[Any, Any] | None
    ) -> tuple[Any, Any, Any]:
        """The same in elementary ops, for several replicas and for float64."""
        x = tf.cast(inputs, gamma.dtype)
        if statistics is None:
            mean, variance, unbiased = batch_moments(x, synchronized=self.synchronized)
        else:
            mean, variance = statistics
            unbiased = variance
        outputs = (x - mean) * (gamma * tf.math.rsqrt(variance + self.epsilon)) + beta
        outputs = tf.cast(outputs, inputs.dtype)
        return outputs, tf.stop_gradient(mean), tf.stop_gradient(unbiased)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "affine": self.affine,
            "synchronized": self.synchronized,
        }
