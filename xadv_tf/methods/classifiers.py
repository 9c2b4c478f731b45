"""What a method asks of the classifier that it is given, and says in one sentence if it is not so.

Whatever else a model does, it must map one tensor of images to logits. Not all of it can be seen in
a model: `refuse_probabilities` looks at what it gives for the first batch.
"""

import warnings
from typing import Any

import keras
import numpy as np

# Activations that give probabilities; those of one's own are found by what they give.
_SQUASHING = frozenset({"softmax", "sigmoid", "hard_sigmoid", "hardsigmoid"})
# Layers that hand on what the one below made.
_PASSIVE = (
    keras.layers.Activation,
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.Identity,
    keras.layers.Permute,
    keras.layers.Reshape,
)
_PROBED = 32
_SATURATED = 0.9  # Share of a sigmoid's values for large images that are 0 or 1.


def refuse_other_than_layer(name: str, received: Any) -> None:
    """Raises ValueError unless an argument is a Keras model (or layer)."""
    if not isinstance(received, keras.layers.Layer) or isinstance(received, type):
        raise ValueError(
            f"{name} must be a Keras model, one tensor in and one out. Received: {name}={received}"
        )


def build(classifier: Any, input_shape: Any) -> int:
    """Builds a classifier that is not yet, and checks what can be seen of it.

    Args:
        classifier: a Keras model.
        input_shape: of a batch of images, [batch, ...].

    Returns:
        The number of classes.

    Raises:
        ValueError: for several inputs or outputs, another output than [batch, classes], fewer than
            two classes, or an end in softmax or sigmoid.
    """
    _refuse_structures(classifier)
    outputs = getattr(classifier, "outputs", None) if classifier.built else None
    if not outputs:
        # A subclassed model is built, and its output known, by a (symbolic) call.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of Keras, about what is raised then.
                outputs = classifier(keras.Input(input_shape[1:]))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(
                f"classifier must take one tensor of images, {tuple(input_shape)}. Received: "
                f"{classifier.name}, which raises {type(error).__name__}: {error}"
            ) from error
        outputs = [outputs] if hasattr(outputs, "shape") else outputs
    if not isinstance(outputs, list | tuple) or len(outputs) != 1:
        raise ValueError(
            f"classifier must give one tensor, the logits. Received: {classifier.name}, which "
            f"gives {f'a {type(outputs).__name__} of ' if isinstance(outputs, dict) else ''}"
            f"{len(outputs)}"
        )
    shape = tuple(outputs[0].shape)
    if len(shape) != 2 or (shape[1] or 2) < 2:
        raise ValueError(
            "classifier must give logits of two or more classes, [batch, classes]; of one logit l "
            f"they are 0 and l. Received: {classifier.name} with output of shape {shape}"
        )
    found = _last_activation(classifier)
    if found:
        raise ValueError(_instead_of_logits(f"{found[0]} at the end of {found[1]}"))
    return int(shape[1] or 0)


def refuse_probabilities(classifier: Any, image: Any) -> None:
    """Raises ValueError if the outputs for some images are probabilities and not logits.

    Softmax: in [0, 1] with the sum 1. Sigmoid: between 0 and 1, for a hundred times the image too;
    rounding takes them to the ends of that interval, and a sum beyond.

    Args:
        classifier: built.
        image: [batch, ...].
    """
    image = image[:_PROBED]
    outputs, rounding = _outputs(classifier, image)
    if not outputs.size or not _in_unit_interval(outputs, rounding):
        return
    if np.allclose(np.sum(outputs, axis=-1), 1.0, atol=rounding):
        raise ValueError(_instead_of_logits("outputs in [0, 1] that sum to 1"))
    # No sigmoid's output is below 0, and some are well above it. The logits of a deep network whose
    # normalisers have seen nothing yet are all about 0.
    if np.ptp(outputs) > 0.0 and np.min(outputs) >= 0.0:
        far, _ = _outputs(classifier, 100.0 * image)
        if np.min(far) < 0.0 or np.max(far) <= rounding:
            return
        inside = np.min(outputs) > 0.0 and np.max(outputs) < 1.0
        # Zeros alone are no sign: what is rectified and normalised has them, and cosines between.
        saturated = np.mean(np.minimum(far, 1.0 - far) <= rounding) > _SATURATED
        if _in_unit_interval(far, rounding) and (inside or saturated):
            raise ValueError(_instead_of_logits("outputs in [0, 1] whatever the images"))


def refuse_tokens(classifier: Any) -> None:
    """Raises ValueError for a classifier of integer tokens, which no method can perturb."""
    for layer in layers(classifier):
        if isinstance(layer, keras.layers.Embedding):
            raise ValueError(_no_tokens(f"the Embedding {layer.name}"))
    for tensor in getattr(classifier, "inputs", None) or []:
        if "int" in tensor.dtype and tensor.dtype != "uint8":
            raise ValueError(_no_tokens(f"an input of dtype {tensor.dtype}"))


def refuse_channels_first(classifier: Any) -> None:
    """Raises ValueError if colours stand in front of the pixels, whose gates would be mistaken."""
    for layer in layers(classifier):
        if getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                "data_format must be 'channels_last' for a mask of pixels. "
                f"Received: data_format='channels_first' of layer {layer.name}"
            )


def layers(model: Any) -> list[Any]:
    """All layers within a model, itself included."""
    return list(model._flatten_layers(include_self=True, recursive=True))


def _outputs(classifier: Any, image: Any) -> tuple[Any, float]:
    """A classifier's outputs, float32, and how far rounding may take a sum of them from 1."""
    outputs = classifier(image, training=False)
    half = keras.backend.standardize_dtype(outputs.dtype) in ("bfloat16", "float16")
    return np.asarray(keras.ops.cast(outputs, "float32")), 2e-2 if half else 1e-3


def _in_unit_interval(outputs: Any, rounding: float) -> bool:
    return bool(np.min(outputs) >= -rounding and np.max(outputs) <= 1.0 + rounding)


def _refuse_structures(classifier: Any) -> None:
    inputs = getattr(classifier, "inputs", None)
    if not inputs:
        return
    structure = getattr(classifier, "_inputs_struct", None)
    if len(inputs) > 1 or isinstance(structure, dict):
        names = ", ".join(tensor.name for tensor in inputs)
        kind = "a dict of inputs" if isinstance(structure, dict) else f"{len(inputs)} inputs"
        raise ValueError(
            f"classifier must take one tensor of images. Received: {classifier.name} with {kind} "
            f"({names})"
        )


def _last_activation(model: Any) -> tuple[str, str] | None:
    """(activation, layer) of a functional or sequential model that ends in probabilities."""
    tensor = (getattr(model, "outputs", None) or [None])[0]
    while tensor is not None:
        operation, node, index = tensor._keras_history
        if getattr(operation, "outputs", None) and isinstance(operation, keras.Model):
            return _last_activation(operation)
        kind = type(operation).__name__.lower()
        activation = getattr(operation, "activation", None)
        name = getattr(activation, "__name__", type(activation).__name__).lower()
        for found in (kind, name):
            if found in _SQUASHING:
                return found, operation.name
        inputs = operation._inbound_nodes[node].input_tensors
        passes_on = isinstance(operation, _PASSIVE) and name in ("linear", "nonetype")
        tensor = inputs[0] if passes_on and inputs else None
    return None


def _instead_of_logits(received: str) -> str:
    return (
        "classifier must give logits, and not probabilities: leave out its last activation "
        f"(classifier_activation=None in keras.applications). Received: {received}"
    )


def _no_tokens(received: str) -> str:
    return (
        "classifier must take images or other real numbers, which can be perturbed, and not "
        f"integer tokens. Received: {received}"
    )
