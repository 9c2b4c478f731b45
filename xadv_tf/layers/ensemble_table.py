"""The ensemble of past predictions: one table row per training example."""

from typing import Any

import keras
import tensorflow as tf

from xadv_tf.local_variables import gather_rows, local_variable


@keras.saving.register_keras_serializable(package="xadv_tf")
class EnsembleTable(keras.layers.Layer):
    """An exponential average of each example's predictions, one prediction an epoch.

    At the end of every epoch in which an example with the prediction z was seen (the last time, if
    several), its average Z becomes momentum Z + (1 - momentum) z. After n such epochs the target is
    Z / (1 - momentum^n) (Laine & Aila 2017, algorithm 2). No step touches other rows than those of
    its batch: a row keeps z and its epoch, and takes z into the average at the first visit in a
    later epoch. Targets are those of the released code wherever every example is seen once an
    epoch.

    Args:
        num_examples: rows, one an example.
        num_classes: K, length of a prediction.
        momentum: in [0, 1).
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: for a momentum out of range.
    """

    def __init__(
        self, num_examples: int, num_classes: int, *, momentum: float = 0.6, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must lie in [0, 1). Received: momentum={momentum}")
        self.num_examples = num_examples
        self.num_classes = num_classes
        self.momentum = momentum
        # Columns: Z [K], z [K], n, and the epoch of z, counted from 1; 0 where there is no z.
        self.state = self.add_weight(
            name="state",
            shape=(num_examples, 2 * num_classes + 2),
            initializer="zeros",
            trainable=False,
            dtype="float32",
            autocast=False,
        )
        self.built = True

    def target(self, index: Any, epoch: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """The corrected averages over the epochs before `epoch`.

        Args:
            index: the examples' rows, integer [batch].
            epoch: integer scalar, from 0; it never falls.

        Returns:
            Probabilities, float32 [batch, K], and for each example whether it has any, bool
            [batch]; those of the others are 0.
        """
        average, _, count, _ = self._folded(index, epoch)
        weight = 1.0 - tf.pow(self.momentum, count)
        return tf.math.divide_no_nan(average, weight), count[:, 0] > 0.0

    def update(self, index: Any, epoch: Any, predictions: Any) -> None:
        """Notes this epoch's predictions, on every replica those of all replicas.

        Args:
            index: integer [batch]; of equal ones the first counts.
            epoch: as for `target`.
            predictions: z, [batch, K].
        """
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            context = tf.distribute.get_replica_context()
            index, predictions = (context.all_gather(x, axis=0) for x in (index, predictions))
        # Equal rows for equal indices, so that the order of the writes does not matter.
        size = tf.size(index)
        first = tf.reduce_min(tf.where(index[:, None] == index, tf.range(size), size), axis=1)
        average, _, count, _ = self._folded(index, epoch)
        rows = [average, tf.gather(predictions, first), count, _column(epoch, count) + 1.0]
        tf.raw_ops.ResourceScatterUpdate(
            resource=local_variable(self.state).handle,
            indices=index,
            updates=tf.concat(rows, axis=1),
        )

    def _folded(self, index: Any, epoch: Any) -> list[tf.Tensor]:
        """Columns of the rows at the start of `epoch`: z of an earlier epoch is in the average."""
        k = self.num_classes
        rows = gather_rows(self.state, index)
        average, latest, count, seen = tf.split(rows, [k, k, 1, 1], axis=1)
        fold = (seen > 0.0) & (seen <= _column(epoch, seen))
        averaged = self.momentum * average + (1.0 - self.momentum) * latest
        average = tf.where(fold, averaged, average)
        return [average, latest, count + tf.cast(fold, tf.float32), seen]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_examples": self.num_examples,
            "num_classes": self.num_classes,
            "momentum": self.momentum,
        }


def _column(scalar: Any, like: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(like), tf.cast(scalar, tf.float32))
