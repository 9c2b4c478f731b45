"""The decoder of a ladder network: from the noisy levels of the encoder back to clean ones."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import initializers
from xadv_tf.layers.moments import standardize
from xadv_tf.layers.normalized_stage import EPSILON


@keras.saving.register_keras_serializable(package="xadv_tf")
class GaussianDenoiser(keras.layers.Layer):
    """z_hat = (z_noisy - mu(u)) v(u) + mu(u), for each unit by itself.

    The combinator that is optimal for a Gaussian z (Rasmus et al. 2015, eq. 2), with

        mu(u) = a1 sigmoid(a2 u + a3) + a4 u + a5
        v(u)  = a6 sigmoid(a7 u + a8) + a9 u + a10

    a2 and a7 start at 1, the others at 0, so that z_hat starts at 0. Float32.

    Shapes: z_noisy and u [batch, units], output the same.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, z_shape: Any) -> None:
        """Creates a1 to a10, the rows of one weight."""
        self.a = self.add_weight(name="a", shape=(10, z_shape[-1]), initializer=_starting_values)

    def call(self, z_noisy: Any, u: Any) -> tf.Tensor:
        """z_hat."""
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = tf.unstack(tf.convert_to_tensor(self.a))
        mu = a1 * tf.sigmoid(a2 * u + a3) + a4 * u + a5
        v = a6 * tf.sigmoid(a7 * u + a8) + a9 * u + a10
        return (z_noisy - mu) * v + mu


@keras.saving.register_keras_serializable(package="xadv_tf")
class LadderDecoder(keras.layers.Layer):
    """z_hat of the top levels, from the top down (Rasmus et al. 2015, algorithm 1).

    u of the top level is the normalised prediction, softmax(logits) of the noisy path; below it
    u = V z_hat of the level above, normalised. The Gamma-model denoises the top level alone.

    Args:
        units: widths of the levels that are denoised, from the lowest to the top.
        synchronized: normalise over the batches of all replicas.
        seed: of the initial V, N(0, 1 / fan_in).
        **kwargs: of keras.layers.Layer.
    """

    def __init__(
        self,
        units: Sequence[int],
        *,
        synchronized: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # V computes by the global policy; all else is float32.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.units = tuple(units)
        self.synchronized = synchronized
        self.seed = seed
        seeds = initializers.layer_seeds(seed)
        # Both from the lowest level up; the top level has no V.
        self.v = [
            keras.layers.Dense(
                width,
                use_bias=False,
                kernel_initializer=initializers.normal_fan_in(next(seeds)),
                name=f"v_{i}",
            )
            for i, width in enumerate(self.units[:-1])
        ]
        self.denoisers = [GaussianDenoiser(name=f"g_{i}") for i in range(len(self.units))]

    def build(self, noisy_shape: Any = None) -> None:
        """Creates the weights; the shapes follow from `units`."""
        del noisy_shape
        for dense, above in zip(self.v, self.units[1:], strict=True):
            dense.build((None, above))
        for denoiser, width in zip(self.denoisers, self.units, strict=True):
            denoiser.build((None, width))

    def call(self, noisy: Sequence[Any], logits: Any) -> list[tf.Tensor]:
        """Denoises.

        Args:
            noisy: z of the noisy path, [batch, units[i]] each, from the lowest level to the top.
            logits: of the noisy path, [batch, units[-1]].

        Returns:
            z_hat, in the order and the shapes of `noisy`.
        """
        estimates: list[tf.Tensor] = []
        for i in reversed(range(len(self.units))):
            above = self.v[i](estimates[0]) if estimates else tf.nn.softmax(logits)
            u, *_ = standardize(
                tf.cast(above, tf.float32), epsilon=EPSILON, synchronized=self.synchronized
            )
            estimates.insert(0, self.denoisers[i](noisy[i], u))
        return estimates

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "units": list(self.units),
            "synchronized": self.synchronized,
            "seed": self.seed,
        }


def _starting_values(shape: Any, dtype: Any = None) -> tf.Tensor:
    ones = tf.one_hot([1, 6], shape[0], dtype=dtype)  # a2 and a7
    return tf.repeat(tf.reduce_sum(ones, axis=0)[:, None], shape[1], axis=1)
