"""What attacks raise besides the cross-entropy: losses that are above 0 for a wrong prediction."""

from typing import Any

import tensorflow as tf

# Far below any difference of logits worth looking at.
_TINY = 1e-12


def margin(labels: Any, logits: Any) -> tf.Tensor:
    """The largest logit of another class, minus that of the label (Carlini & Wagner 2017, -f_6).

    Args:
        labels: integer classes, [batch].
        logits: [batch, classes].

    Returns:
        float32 [batch], above 0 where the prediction is wrong.
    """
    logits = tf.cast(logits, tf.float32)
    is_label = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    others = tf.reduce_max(tf.where(is_label, -float("inf"), logits), axis=-1)
    return others - tf.gather(logits, labels, batch_dims=1)


def difference_of_logits_ratio(labels: Any, logits: Any) -> tf.Tensor:
    """DLR (Croce & Hein 2020, eq. 6): -(z_y - max over others of z) / (z_1 - z_3).

    A shift or a scaling of all logits changes nothing: no network hides its gradient by large ones.

    Args:
        labels: integer classes y, [batch].
        logits: z, [batch, classes]; z_1 and z_3 are an image's largest and third largest.

    Returns:
        float32 [batch]: in [-1, 0] where the prediction is right, above 0 where it is wrong, and
        above 1 where the label is not among the three largest logits either.

    Raises:
        ValueError: for fewer than 3 classes, of which there is no third.
    """
    if logits.shape[-1] < 3:
        raise ValueError(
            "the difference of logits ratio needs 3 classes or more; with 2 attack the "
            f"cross-entropy. Received: logits of {logits.shape[-1]} classes"
        )
    top = tf.math.top_k(tf.cast(logits, tf.float32), 3).values
    return margin(labels, logits) / (top[:, 0] - top[:, 2] + _TINY)
