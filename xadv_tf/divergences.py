"""Divergences between predictive distributions: logits [batch, classes] in, float32 [batch] out.

Everything stays in logits: the gradient of sum p log p taken on probabilities is NaN once one of
them underflows, and half precision loses most of a small divergence, hence float32 throughout.
"""

from typing import Any

import tensorflow as tf


def kl_divergence(p_logits: Any, q_logits: Any) -> tf.Tensor:
    """KL(p || q) = sum_k p_k (log p_k - log q_k) per example, >= 0; not symmetric.

    Args:
        p_logits: logits of p, [batch, classes].
        q_logits: logits of q, [batch, classes].

    Returns:
        The divergence in nats, float32 [batch].
    """
    log_p = _log_softmax(p_logits)
    log_q = _log_softmax(q_logits)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)


def soft_cross_entropy(p_logits: Any, q_logits: Any) -> tf.Tensor:
    """-sum_k p_k log q_k per example: KL(p || q) + H(p), in nats, float32 [batch]."""
    return -tf.reduce_sum(tf.exp(_log_softmax(p_logits)) * _log_softmax(q_logits), axis=-1)


def cross_entropy(labels: Any, logits: Any, *, smoothing: float = 0.0) -> tf.Tensor:
    """-sum_k y_k log p_k per example; 0 for an example whose label is not known.

    Args:
        labels: integer classes, [batch] or [batch, 1], negative where there is none; or y itself,
            [batch, classes], one-hot or not, 0 where there is none.
        logits: [batch, classes].
        smoothing: share of y, in [0, 1], that is divided evenly among the classes (Szegedy et al.
            2016, section 7).

    Returns:
        The loss in nats, float32 [batch].

    Raises:
        ValueError: for labels of another shape or type.
    """
    logits = tf.cast(logits, tf.float32)
    labels = _without_bools(labels)
    if is_distribution(labels):
        if not labels.shape[1:].is_compatible_with(logits.shape[1:]):
            raise ValueError(_unfit_labels(labels, logits.shape[-1]))
        target = tf.cast(labels, tf.float32)
        losses = -tf.reduce_sum(target * _log_softmax(logits), axis=-1)
        known = tf.reduce_any(labels != 0, axis=-1)
    else:
        classes = class_labels(labels)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(classes, 0), logits)
        known = classes >= 0
    if smoothing:
        even = -tf.reduce_mean(_log_softmax(logits), axis=-1)
        losses = (1.0 - smoothing) * losses + smoothing * even
    return tf.where(known, losses, 0.0)


def class_labels(labels: Any) -> tf.Tensor:
    """Classes as int32 [batch], negative where there is none.

    Args:
        labels: any integers, [batch] or, as in CIFAR, [batch, 1]; or [batch, classes], of which the
            largest counts.

    Raises:
        ValueError: for another shape or type.
    """
    labels = _without_bools(labels)
    if is_distribution(labels):
        likeliest = tf.argmax(labels, axis=-1, output_type=tf.int32)
        return tf.where(tf.reduce_any(labels != 0, axis=-1), likeliest, -1)
    shape = labels.shape  # Unknown in parts where `fit` is given both forms in turn.
    fits = shape.rank is None or shape.rank == 1 or (shape.rank == 2 and shape[1] in (1, None))
    if not labels.dtype.is_integer or not fits:
        raise ValueError(_unfit_labels(labels, "classes"))
    if labels.dtype in (tf.int64, tf.uint32, tf.uint64):
        # A cast alone would take 2**32 + 1 for class 1.
        labels = tf.clip_by_value(tf.cast(labels, tf.int64), tf.int32.min, tf.int32.max)
    return tf.reshape(tf.cast(labels, tf.int32), [-1])


def is_distribution(labels: Any) -> bool:
    """Whether labels are one-hot or a distribution, [batch, classes], by their shape and type."""
    shape = labels.shape
    numeric = labels.dtype.is_integer or labels.dtype.is_floating or labels.dtype.is_bool
    return bool(numeric and shape.rank == 2 and (shape[1] or 0) > 1)


def _without_bools(labels: Any) -> tf.Tensor:
    labels = tf.convert_to_tensor(labels)
    one_hot = labels.dtype.is_bool and is_distribution(labels)
    return tf.cast(labels, tf.float32) if one_hot else labels


def _unfit_labels(labels: Any, classes: Any) -> str:
    return (
        f"labels must be integer classes, [batch] or [batch, 1], or one-hot, [batch, {classes}]. "
        f"Received: labels of shape {labels.shape} and dtype {labels.dtype.name}"
    )


def accuracy(labels: Any, logits: Any) -> tf.Tensor:
    """The share of examples classified rightly among those whose label is known (not negative).

    Args:
        labels: as for `class_labels`.
        logits: [batch, classes].

    Returns:
        In [0, 1], float32 scalar; 0 if no label is known.
    """
    labels = class_labels(labels)
    predicted = tf.argmax(logits, axis=-1, output_type=labels.dtype)
    hits = tf.cast(tf.equal(predicted, labels), tf.float32)
    num_labeled = tf.reduce_sum(tf.cast(labels >= 0, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(hits), num_labeled)


def entropy(logits: Any) -> tf.Tensor:
    """H(p) = -sum_k p_k log p_k per example, in [0, log classes] nats, float32 [batch]."""
    return soft_cross_entropy(logits, logits)


def squared_error(p_logits: Any, q_logits: Any) -> tf.Tensor:
    """Mean over classes of (p_k - q_k)^2 per example, in [0, 2 / classes], float32 [batch].

    The consistency cost of the Pi-model (Laine & Aila 2017), on probabilities.
    """
    return squared_distance(
        *(tf.nn.softmax(tf.cast(logits, tf.float32)) for logits in (p_logits, q_logits))
    )


def squared_distance(p: Any, q: Any) -> tf.Tensor:
    """`squared_error` of probabilities, [batch, classes] each."""
    return tf.reduce_mean(tf.square(p - q), axis=-1)


def _log_softmax(logits: Any) -> tf.Tensor:
    return tf.nn.log_softmax(tf.cast(logits, tf.float32))
