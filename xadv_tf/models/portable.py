"""Classifiers as anybody's Keras can load them: without this package, if its own layers allow."""

import functools
from typing import Any

import keras
import numpy as np

from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.layers.normalized_stage import EPSILON, NormalizedStage
from xadv_tf.layers.weight_normalization import WeightNormConv2D, WeightNormDense


def with_stock_layers(model: Any) -> Any:
    """The same function in inference mode, of Keras's own layers where they can compute it.

    Our normalisations differ from Keras's layers in how they train alone, so the copy is for use:
    batch normalisation becomes Keras's, whose running variance is the biased one, a ladder's stage
    a chain of layers, and weight normalisation is worked into the weights. Other layers are kept.

    Args:
        model: a built Keras model.

    Returns:
        A copy with weights of its own; `model` itself if it is no functional or sequential model,
        which Keras cannot rebuild.
    """
    try:
        copy = keras.models.clone_model(model, clone_function=_stock, recursive=True)
    except (NotImplementedError, TypeError, ValueError):
        return model
    _set_weights(copy, model)
    return copy


def custom_objects(model: Any) -> list[str]:
    """What a program must import, beside Keras, before it can load the saved model.

    Args:
        model: a Keras model.

    Returns:
        Names under which classes and functions are registered, sorted; empty if none is needed.
    """
    found: set[str] = set()

    def search(part: Any) -> None:
        if isinstance(part, dict):
            module = part.get("module")
            if "class_name" in part and module and module.partition(".")[0] != "keras":
                found.add(str(part.get("registered_name") or part["class_name"]))
            for value in part.values():
                search(value)
        elif isinstance(part, (list, tuple)):
            for value in part:
                search(value)

    search(keras.saving.serialize_keras_object(model))
    return sorted(found)


def _set_weights(copy: Any, model: Any) -> None:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _set_weights(copy.get_layer(layer.name), layer)
        elif layer.weights:  # Others, inputs among them, may have got another name.
            copy.get_layer(layer.name).set_weights(_weights(layer))


@functools.singledispatch
def _stock(layer: Any) -> Any:
    """A new layer of Keras's own that computes the same with `_weights`, or another `layer`."""
    return type(layer).from_config(layer.get_config())


@functools.singledispatch
def _weights(layer: Any) -> list[Any]:
    return list(layer.get_weights())


@_stock.register
def _(layer: BatchNormalization) -> Any:
    return keras.layers.BatchNormalization(
        axis=-1,
        momentum=layer.momentum,
        epsilon=layer.epsilon,
        center=layer.affine,
        scale=layer.affine,
        synchronized=layer.synchronized,
        **_common(layer),
    )


@_stock.register
def _(layer: MaxPooling2D) -> Any:
    return keras.layers.MaxPooling2D.from_config(layer.get_config())


@_stock.register
def _(layer: WeightNormDense) -> Any:
    return keras.layers.Dense(layer.units, **_common(layer))


@_stock.register
def _(layer: WeightNormConv2D) -> Any:
    return keras.layers.Conv2D(
        layer.units,
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        **_common(layer),
    )


@_stock.register
def _(layer: NormalizedStage) -> Any:
    slope = layer.negative_slope
    stages = [
        _stock(layer.linear),
        keras.layers.BatchNormalization(
            axis=-1,
            momentum=layer.momentum,
            epsilon=EPSILON,
            center=layer.bias,
            scale=layer.gain,
            synchronized=layer.synchronized,
            dtype="float32",
        ),
    ]
    if slope != 1.0:
        stages.append(keras.layers.LeakyReLU(negative_slope=slope, dtype=layer.dtype_policy))
    return keras.Sequential(stages, name=layer.name)


@_weights.register
def _(layer: NormalizedStage) -> list[Any]:
    # c (z + b) = c z + c b.
    c = np.asarray(layer.c) if layer.gain else 1.0
    scale = [c] if layer.gain else []
    offset = [c * np.asarray(layer.b)] if layer.bias else []
    return [*layer.linear.get_weights(), *scale, *offset, *layer.statistics.get_weights()]


@_weights.register(WeightNormDense)
@_weights.register(WeightNormConv2D)
def _(layer: Any) -> list[Any]:
    v = np.asarray(layer.v)
    norm = np.sqrt(np.sum(np.square(v), axis=tuple(range(v.ndim - 1))))
    mean = np.asarray(layer.moving_mean) if layer.mean_only_batch_norm else 0.0
    return [np.asarray(layer.g) * v / norm, np.asarray(layer.b) - mean]


def _common(layer: Any) -> dict[str, Any]:
    return {"name": layer.name, "dtype": layer.dtype_policy, "trainable": layer.trainable}
