"""Float16 is refused, wherever it stands."""

import keras
import pytest
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier

from xadv_tf import methods


def test_layers_of_float16_are_refused():
    layers = [keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES, dtype="float16", name="low")]
    with pytest.raises(ValueError, match="mixed_bfloat16 or float32. Received: the layer low of"):
        methods.MLE(keras.Sequential([keras.Input(IMAGE_SHAPE), *layers])).compile()


def test_a_policy_of_float16_is_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        method = methods.MLE(make_classifier())
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(
        ValueError, match="mixed_bfloat16 or float32. Received: the dtype policy mixed_float16"
    ):
        method.compile()
