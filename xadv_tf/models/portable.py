"""Classifiers as anybody's Keras can load them: without this package, if its own layers allow."""

from typing import Any

import keras

from xadv_tf.layers.batch_normalization import BatchNormalization


def with_stock_layers(model: Any) -> Any:
    """The same function in inference mode, of Keras's own layers where they can compute it.

    Our batch normalisation differs from Keras's in how it trains alone: the copy is for use, or for
    fine-tuning with Keras's running variance, which is the biased one. Other layers are kept.

    Args:
        model: a built Keras model.

    Returns:
        A copy with weights of its own; `model` itself if it is no functional or sequential model,
        which Keras cannot rebuild.
    """
    try:
        copy = keras.models.clone_model(model, clone_function=_stock)
    except (NotImplementedError, TypeError, ValueError):
        return model
    copy.set_weights(model.get_weights())
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


def _stock(layer: Any) -> Any:
    if not isinstance(layer, BatchNormalization):
        return type(layer).from_config(layer.get_config())
    return keras.layers.BatchNormalization(
        axis=-1,
        momentum=layer.momentum,
        epsilon=layer.epsilon,
        center=layer.affine,
        scale=layer.affine,
        synchronized=layer.synchronized,
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
