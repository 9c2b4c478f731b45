"""The transductive mask: one table row of log_alpha per training example."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xadv_tf.local_variables import gather_rows


@keras.saving.register_keras_serializable(package="xadv_tf")
class PerturbationTable(keras.layers.Layer):
    """A trainable log_alpha for each example of a training set (Yang & Ji 2020, transductive).

    The weight `log_alpha` is float32 under every precision policy: a step moves it by about
    1e-3, which bfloat16 would round away.

    Args:
        num_examples: rows, one an example; at least 1.
        shape: shape of a row, e.g. (28, 28, 1): one mask channel, broadcast over the colours.
        initializer: a keras initializer or its name; None is N(0, 1), as in the released code.
        seed: of the default initializer; None takes keras's global seed.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: if `num_examples` is less than 1.
    """

    def __init__(
        self,
        num_examples: int,
        shape: Sequence[int],
        *,
        initializer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if num_examples < 1:
            raise ValueError(
                f"num_examples must be at least 1. Received: num_examples={num_examples}"
            )
        self.num_examples = num_examples
        self.shape = tuple(shape)
        if initializer is None:
            initializer = keras.initializers.RandomNormal(0.0, 1.0, seed=seed)
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed
        self.log_alpha = self.add_weight(
            name="log_alpha",
            shape=(num_examples, *self.shape),
            initializer=self.initializer,
            dtype="float32",
            autocast=False,
        )
        self.built = True

    def call(self, index: Any) -> Any:
        """Returns the examples' rows.

        Args:
            index: integer [batch], each in [0, num_examples).

        Returns:
            float32 [batch, *shape], whose gradient to `log_alpha` is `tf.IndexedSlices`.

        Raises:
            ValueError: for an index of no row. Within tf.function TensorFlow raises instead, on
                CPU alone.
        """
        refuse_other_rows(index, self.num_examples)
        return gather_rows(self.log_alpha, index)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of the rows of `input_shape` indices."""
        return (*input_shape, *self.shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_examples": self.num_examples,
            "shape": self.shape,
            "initializer": keras.initializers.serialize(self.initializer),
            "seed": self.seed,
        }


def refuse_other_rows(index: Any, num_rows: int) -> None:
    """Raises ValueError for an index of no row, unless it is symbolic.

    Args:
        index: integer [batch].
        num_rows: of the table.
    """
    if tf.is_symbolic_tensor(index):
        return
    flat = np.ravel(index)
    outside = flat[(flat < 0) | (flat >= num_rows)]
    if outside.size:
        raise ValueError(
            f"index must lie in [0, {num_rows}), the rows of the table. "
            f"Received: index {outside[0]}"
        )
