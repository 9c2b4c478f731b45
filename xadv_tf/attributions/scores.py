"""What attributions ask of a classifier: the score of one class for each image."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Images [batch, height, width, channels] -> logits [batch, classes], in inference mode.
Predict = Callable[[Any], Any]


def class_logit(predict: Predict, image: Any, label: Any) -> tf.Tensor:
    """Logit of each image's class, float32 [batch].

    Args:
        predict: images -> logits.
        image: [batch, height, width, channels].
        label: the class that each attribution is about, integer [batch].
    """
    return tf.gather(tf.cast(predict(image), tf.float32), label, batch_dims=1)


def class_probability(predict: Predict, image: Any, label: Any) -> tf.Tensor:
    """Probability of each image's class, float32 [batch]; arguments of `class_logit`."""
    probabilities = tf.nn.softmax(tf.cast(predict(image), tf.float32))
    return tf.gather(probabilities, label, batch_dims=1)


def gradient_of_logit(predict: Predict, image: Any, label: Any) -> tf.Tensor:
    """Gradient of `class_logit` in the image, shape of `image`; arguments of `class_logit`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        logit = class_logit(predict, image, label)
    return tape.gradient(logit, image, unconnected_gradients="zero")
