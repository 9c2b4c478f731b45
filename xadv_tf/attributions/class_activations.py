"""Grad-CAM: which places of the last convolution's output speak for the class."""

from typing import Any

import keras
import tensorflow as tf


def with_features(classifier: Any) -> Any:
    """The classifier with the output of its last convolution beside its logits.

    Of the layers after that convolution which keep its resolution, normalisation and nonlinearity,
    the last one's output is taken.

    Args:
        classifier: any Keras model.

    Returns:
        Images -> (features [batch, height', width', channels'], logits [batch, classes]), or None
        for a model that has no convolution, or whose layers do not show their outputs.
    """
    layers = [layer for layer in getattr(classifier, "layers", []) if _shows_output(layer)]
    if not isinstance(classifier, keras.Model) or getattr(classifier, "inputs", None) is None:
        return None
    convolutions = [i for i, layer in enumerate(layers) if _convolves(layer)]
    if not convolutions:
        return None
    last = layers[convolutions[-1]]
    for layer in layers[convolutions[-1] :]:
        if tuple(layer.output.shape[1:-1]) == tuple(last.output.shape[1:-1]):
            last = layer
    return keras.Model(classifier.inputs, [last.output, classifier.outputs[0]])


def grad_cam(predict_with_features: Any, image: Any, label: Any) -> tf.Tensor:
    """ReLU of the features' sum, each weighed by its mean gradient (Selvaraju et al. 2017, eq. 2).

    Args:
        predict_with_features: images -> (features, logits), see `with_features`.
        image: float32 [batch, height, width, channels].
        label: the class to explain, integer [batch].

    Returns:
        >= 0, float32 [batch, height, width], brought to the image's size bilinearly.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)  # So that what follows is recorded; the features are no variables.
        features, logits = predict_with_features(image)
        logit = tf.gather(tf.cast(logits, tf.float32), label, batch_dims=1)
    gradients = tape.gradient(logit, features, unconnected_gradients="zero")
    weights = tf.reduce_mean(gradients, axis=[1, 2], keepdims=True)
    shown = tf.nn.relu(tf.reduce_sum(tf.cast(weights * features, tf.float32), -1, keepdims=True))
    return tf.image.resize(shown, image.shape[1:3])[..., 0]


def _shows_output(layer: Any) -> bool:
    try:
        return len(layer.output.shape) == 4
    except (AttributeError, ValueError):
        return False  # It was never called, or on several inputs, or gives several outputs.


def _convolves(layer: Any) -> bool:
    """Whether it has a kernel [height, width, in, out]."""
    return any(len(weight.shape) == 4 for weight in layer.weights)
