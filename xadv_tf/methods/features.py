"""The last hidden features of a classifier that somebody else wrote."""

from typing import Any

import keras

_NOISE = (
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)


def last_hidden(classifier: Any) -> Any:
    """The part of a classifier below its last layer, and below the noise in front of that.

    The last layer is the last one with a matrix (or a convolution's kernel) among its weights:
    normalisations and poolings of the logits belong to it.

    Args:
        classifier: a built functional or sequential model in which every layer after the last
            hidden one has one input.

    Returns:
        A Keras model of the same layers, images -> features [batch, ...].

    Raises:
        ValueError: for a classifier of another kind.
    """
    tensor = (getattr(classifier, "outputs", None) or [None])[0]
    above_last = True
    while tensor is not None:
        # What Keras itself builds functional models from; a layer's `input` is that of its first
        # call, which in a sequential model may have been another one.
        layer, node, _ = tensor._keras_history
        inputs = layer._inbound_nodes[node].input_tensors
        if above_last and isinstance(layer, keras.Model):
            break
        if above_last:
            above_last = all(len(weight.shape) < 2 for weight in getattr(layer, "weights", ()))
        elif not isinstance(layer, _NOISE):
            return keras.Model(classifier.inputs, tensor, name="last_hidden")
        tensor = inputs[0] if len(inputs) == 1 else None
    raise ValueError(
        "The last hidden features lie below the last layer: the classifier must be a functional or "
        "sequential model that ends in a layer with one input, such as Dense. "
        f"Received: {type(classifier).__name__}"
    )
