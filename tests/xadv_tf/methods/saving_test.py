"""A method saved, loaded, cloned, copied and exported; all methods: conformance_keras_test."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import NUM_CLASSES, make_batch, make_classifier

from xadv_tf import methods
from xadv_tf.layers import PerturbationGenerator, PerturbationTable


def _state(method):
    """All but the state of layers' own generators, which nobody looks at."""
    return [v.numpy() for v in method.variables if "seed_generator" not in v.path]


def _assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


_MASKED = {
    "generator": lambda c: methods.XVAT(c, mask=PerturbationGenerator(seed=0), sparsity=0.01),
    "table": lambda c: methods.XAT(c, mask=PerturbationTable(12, (6, 6, 1), seed=0)),
}


def _trained(make):
    keras.utils.set_random_seed(3)
    method = make(make_classifier(dropout=0.3))
    method.compile(keras.optimizers.RMSprop(0.01), mask_optimizer=keras.optimizers.Adam(0.3))
    method.train_step(make_batch())
    return method


@pytest.mark.parametrize("kind", _MASKED)
def test_a_clone_is_made_alike_and_a_copy_is_equal(kind):
    method = _trained(_MASKED[kind])
    clone = keras.models.clone_model(method)
    assert type(clone) is type(method) and clone.classifier is not method.classifier
    assert clone.get_config() == method.get_config()
    twin = copy.deepcopy(method)
    batch = make_batch(seed=5)
    for each in (method, twin):
        each.train_step(batch)
    _assert_equal(_state(method), _state(twin))


def test_weights_are_saved_before_and_after_a_build(tmp_path):
    path = str(tmp_path / "m.weights.h5")
    method = _trained(_MASKED["generator"])
    method.save_weights(path)
    other = _MASKED["generator"](make_classifier(dropout=0.3))
    other.compile(keras.optimizers.RMSprop(0.01), mask_optimizer=keras.optimizers.Adam(0.3))
    other.load_weights(path)
    batch = make_batch(seed=5)
    for each in (method, other):
        each.train_step(batch)
    _assert_equal(_state(method), _state(other))


@pytest.mark.parametrize("kind", ["generator", "table"])
def test_a_method_that_is_not_compiled_is_saved_and_loaded(tmp_path, kind):
    makes = {"generator": PerturbationGenerator, "table": lambda: PerturbationTable(5, (6, 6, 1))}
    one, other = (methods.XVAT(make_classifier(), mask=makes[kind]()) for _ in range(2))
    one.save_weights(str(tmp_path / "m.weights.h5"))
    other.load_weights(str(tmp_path / "m.weights.h5"))
    fresh = methods.XVAT(make_classifier(), mask=makes[kind]())
    fresh.save(str(tmp_path / "m.keras"))
    loaded = keras.saving.load_model(str(tmp_path / "m.keras"))
    for first, second in ((one, other), (fresh, loaded)):
        assert len(first.mask.weights) > 0
        _assert_equal(first.classifier.get_weights(), second.classifier.get_weights())
        _assert_equal(
            [v.numpy() for v in first.mask.weights], [v.numpy() for v in second.mask.weights]
        )
    methods.MLE(make_classifier()).export(str(tmp_path / "export"), verbose=False)
    assert tf.saved_model.contains_saved_model(str(tmp_path / "export"))


def test_a_model_is_exported_right_after_fit(tmp_path):
    layers = [keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES)]
    method = methods.MLE(keras.Sequential(layers))  # Of no shape before it sees images.
    method.compile()
    batch = make_batch()["labeled"]
    images = np.asarray(batch["image"])
    method.fit(images, np.asarray(batch["label"]), verbose=0)
    method.export(str(tmp_path / "served"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(images), method(images), atol=1e-6)


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5"])
def test_a_file_that_would_not_load_is_not_written(tmp_path, name):
    with pytest.raises(
        ValueError, match=r"^filepath must end in \.keras.*Received: filepath=.*m\.h"
    ):
        _trained(_MASKED["generator"]).save(tmp_path / name)
    assert not list(tmp_path.iterdir())
