"""The hard-concrete gate as a Keras layer."""

from typing import Any

import keras
import tensorflow as tf

from xadv_tf import hard_concrete


@keras.saving.register_keras_serializable(package="xadv_tf")
class HardConcreteGate(keras.layers.Layer):
    """Turns log_alpha into a mask in [0, 1]: random when given noise, deterministic otherwise.

    Always float32, whatever the precision policy: in bfloat16 a gate has 8 bits, and expected L0
    would stand still under small steps. No weights.

    Args:
        beta: temperature, positive.
        gamma: lower end of the stretched interval, negative.
        zeta: upper end of the stretched interval, above 1.
        **kwargs: of keras.layers.Layer.

    Raises:
        ValueError: for parameters out of range.
    """

    def __init__(
        self,
        *,
        beta: float = hard_concrete.BETA,
        gamma: float = hard_concrete.GAMMA,
        zeta: float = hard_concrete.ZETA,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        hard_concrete.check_parameters(beta, gamma, zeta)
        self.beta = beta
        self.gamma = gamma
        self.zeta = zeta

    def call(self, log_alpha: Any, noise: Any = None) -> tf.Tensor:
        """Mask of log_alpha's shape; `noise` is uniform on [0, 1), of the same shape, or None."""
        parameters = {"beta": self.beta, "gamma": self.gamma, "zeta": self.zeta}
        if noise is None:
            return hard_concrete.deterministic(log_alpha, **parameters)
        return hard_concrete.sample(log_alpha, noise, **parameters)

    @property
    def saturation(self) -> float:
        """The |log_alpha| from which on every gate without noise is exactly 0 or 1."""
        return hard_concrete.saturation(beta=self.beta, gamma=self.gamma, zeta=self.zeta)

    def expected_l0(self, log_alpha: Any) -> tf.Tensor:
        """Probability that each gate is not 0, log_alpha's shape (Louizos et al. 2018, eq. 12)."""
        return hard_concrete.expected_l0(
            log_alpha, beta=self.beta, gamma=self.gamma, zeta=self.zeta
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "beta": self.beta,
            "gamma": self.gamma,
            "zeta": self.zeta,
        }
