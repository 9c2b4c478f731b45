"""Gradient reversal: the one place where the mask's ascent becomes a descent."""

from typing import Any

import tensorflow as tf


@tf.custom_gradient
def reverse_gradient(x: Any) -> Any:
    """Identity whose gradient is negated.

    Two players share one objective J: the classifier descends it, the mask ascends it. With the
    reversal at log_alpha, one backward pass of J gives both what each has to descend
    (Ganin & Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015).

    Args:
        x: any float tensor.

    Returns:
        x, unchanged.
    """
    return tf.identity(x), lambda upstream: -upstream
