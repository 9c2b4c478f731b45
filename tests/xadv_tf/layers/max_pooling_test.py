import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import determinism
from xadv_tf.layers import MaxPooling2D


@pytest.fixture(params=[False, True], ids=["any order", "fixed order"])
def deterministic(request, monkeypatch):
    monkeypatch.setattr(determinism, "is_required", lambda: request.param)
    return request.param


def images(shape):
    # Of six values, so that most windows hold their largest more than once.
    return tf.constant(np.random.default_rng(0).integers(-3, 3, shape), tf.float32)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [2, (2, 3), 4])
def test_output_and_gradient_are_those_of_keras_to_the_bit(deterministic, size, padding):
    x = images((3, 7, 9, 2))
    found = []
    for layer in (keras.layers.MaxPooling2D, MaxPooling2D):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(size, padding=padding)(x)
            weights = 1.0 + np.arange(np.prod(y.shape), dtype="float32").reshape(y.shape)
            weighted = tf.reduce_sum(y * weights)
        found.append((y, tape.gradient(weighted, x)))
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_the_first_of_equal_pixels_gets_the_gradient(deterministic):
    x = tf.constant([[1.0, 5.0], [5.0, 5.0]])[None, :, :, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = MaxPooling2D(2)(x)
    np.testing.assert_array_equal(tape.gradient(y, x)[0, :, :, 0], [[0.0, 1.0], [0.0, 0.0]])


@pytest.mark.parametrize(("strides", "slices"), [(None, True), (1, False)])
def test_xla_gets_no_gradient_that_it_refuses(monkeypatch, strides, slices):
    monkeypatch.setattr(determinism, "is_required", lambda: True)
    layer = MaxPooling2D(2, strides=strides)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, x)

    graph = gradient.get_concrete_function(images((1, 4, 4, 1))).graph
    kinds = {op.type for op in graph.get_operations()}
    assert ("MaxPoolGrad" in kinds) is not slices


def test_images_of_unknown_size_are_pooled_too(deterministic):
    any_size = tf.TensorSpec((None, None, None, 2))
    pool = tf.function(MaxPooling2D(2), input_signature=[any_size])
    x = images((1, 4, 6, 2))
    np.testing.assert_array_equal(pool(x), keras.layers.MaxPooling2D(2)(x))


def test_it_is_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 1)), MaxPooling2D(2, padding="same")])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is MaxPooling2D
    assert loaded.layers[0].padding == "same"
