"""Adam with the published epsilon, a beta_1 that can change, and one fused op a variable."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xadv_tf.local_variables import local_variable


@keras.saving.register_keras_serializable(package="xadv_tf")
class Adam(keras.optimizers.Optimizer):
    """Adam as in Kingma & Ba 2015, Algorithm 1.

    At step t (from 1), with gradient g:

        m = beta_1 m + (1 - beta_1) g            m_hat = m / (1 - beta_1^t)
        v = beta_2 v + (1 - beta_2) g^2          v_hat = v / (1 - beta_2^t)
        variable -= learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    `keras.optimizers.Adam` has the same m and v but adds its epsilon before the correction of v
    ("epsilon hat"), which in the first steps acts as an epsilon up to 30 times larger.

    `optimizer.beta_1.assign(value)` holds from the next step on, in traced functions too. The
    correction is then 1 - value^t, as in PyTorch.

    With `epsilon_in_root` the step is learning_rate * m_hat / sqrt(v_hat + epsilon), as in the code
    of Salimans et al. 2016; v then holds v + (1 - beta_2^t) epsilon.

    Args:
        learning_rate: float, or a keras `LearningRateSchedule` over the steps taken so far.
        beta_1: decay of the mean of the gradients, in [0, 1), or a schedule of it like that of the
            learning rate.
        beta_2: decay of the mean of their squares, in (0, 1), or a schedule of it.
        epsilon: positive, in units of the gradient; within the root, of its square.
        name: name of the optimizer.
        epsilon_in_root: whether epsilon is added to v_hat instead of its root.

    Raises:
        ValueError: if `beta_1`, `beta_2` or `epsilon` is out of range.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: float = 1e-8,
        name: str = "adam",
        *,
        epsilon_in_root: bool = False,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name)
        self._beta_1_schedule = None
        if isinstance(beta_1, keras.optimizers.schedules.LearningRateSchedule):
            self._beta_1_schedule = beta_1
            beta_1 = float(beta_1(0))
        self._beta_2_schedule = None
        if isinstance(beta_2, keras.optimizers.schedules.LearningRateSchedule):
            self._beta_2_schedule = beta_2
            beta_2 = float(beta_2(0))
        if not 0.0 <= beta_1 < 1.0:
            raise ValueError(f"beta_1 must be in [0, 1). Received: beta_1={beta_1}")
        if not 0.0 < beta_2 < 1.0:
            raise ValueError(f"beta_2 must be in (0, 1). Received: beta_2={beta_2}")
        if not epsilon > 0.0:
            raise ValueError(f"epsilon must be positive. Received: epsilon={epsilon}")
        self.beta_1 = self.add_variable(
            shape=(),
            initializer=keras.initializers.Constant(beta_1),
            dtype="float32",
            aggregation="only_first_replica",
            name="beta_1",
        )
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.epsilon_in_root = epsilon_in_root

    def build(self, variables: Any) -> None:
        """Creates m and v, zero, for every variable; a second call does nothing."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Takes one step; as `keras.optimizers.Optimizer.apply`."""
        if self._beta_1_schedule is not None:
            self.beta_1.assign(self._beta_1_schedule(self.iterations))
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Takes one step for one variable.

        Args:
            gradient: of the shape of `variable`; `tf.IndexedSlices` are made dense.
            variable: one of the variables that the optimizer was built with.
            learning_rate: scalar.
        """
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations, tf.float32) + 1.0
        schedule = self._beta_2_schedule
        beta_2 = schedule(self.iterations) if schedule else self.beta_2
        root = tf.sqrt(one_minus_power(beta_2, step))
        rate = tf.cast(learning_rate, tf.float32) * root / (1.0 - tf.pow(self.beta_1, step))
        dtype = variable.dtype
        velocity = local_variable(self._velocities[index])
        if self.epsilon_in_root:
            # As if every g^2 were larger by epsilon: beta_2 times this is (1 - beta_2) epsilon.
            velocity.assign_add(tf.fill(velocity.shape, self.epsilon * (1.0 - beta_2) / beta_2))
        epsilon = 0.0 if self.epsilon_in_root else self.epsilon * root
        # The op's own correction computes 1 - beta^t from a rounded beta^t, so it is switched off
        # (powers of zero) and the correction is done above. Its epsilon is the epsilon hat.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=velocity.handle,
            beta1_power=tf.zeros([], dtype),
            beta2_power=tf.zeros([], dtype),
            lr=tf.cast(rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(beta_2, dtype),
            epsilon=tf.cast(epsilon, dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, with what is assigned now instead of a schedule."""
        config = super().get_config()
        serialize = keras.saving.serialize_keras_object
        return {
            "learning_rate": config["learning_rate"],
            "beta_1": serialize(self._beta_1_schedule or float(self.beta_1.numpy())),
            "beta_2": serialize(self._beta_2_schedule or self.beta_2),
            "epsilon": self.epsilon,
            "name": self.name,
            **({"epsilon_in_root": True} if self.epsilon_in_root else {}),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes an optimizer of what `get_config` returned."""
        for name in ("beta_1", "beta_2"):
            if isinstance(config.get(name), dict):
                schedule = keras.saving.deserialize_keras_object(config[name], custom_objects)
                config = {**config, name: schedule}
        return super().from_config(config, custom_objects)


def one_minus_power(base: Any, exponent: Any) -> Any:
    """Returns 1 - base^exponent in float32 without cancellation.

    With base 0.999 and exponent 1 the plain form has a relative error of 5e-5. The base is rounded
    to float32 first, for that is the decay that m and v undergo.

    Args:
        base: in (0, 1), a float or a float32 scalar tensor.
        exponent: float32 tensor, any shape, at least 0.
    """
    if tf.is_tensor(base):
        return -tf.math.expm1(exponent * tf.math.log(base))
    return -tf.math.expm1(exponent * math.log(float(np.float32(base))))
