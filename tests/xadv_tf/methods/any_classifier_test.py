"""XVAT around classifiers that it did not write: functional, sequential, subclassed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.layers import PerturbationTable
from xadv_tf.methods import VAT, XVAT

IMAGES = np.random.default_rng(0).normal(size=(24, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(24) % 4


class Subclassed(keras.Model):
    def __init__(self, normalize, drop):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.normalize = keras.layers.BatchNormalization() if normalize else None
        self.drop = keras.layers.Dropout(0.5) if drop else None
        self.logits = keras.layers.Dense(4)

    def call(self, x, training=False):
        x = self.flatten(x)
        if self.normalize is not None:
            x = self.normalize(x, training=training)
        if self.drop is not None:
            x = self.drop(x, training=training)
        return self.logits(x)


def _layers(normalize, drop):
    layers = [keras.layers.Conv2D(4, 3), keras.layers.Flatten()]
    layers += [keras.layers.BatchNormalization()] if normalize else []
    layers += [keras.layers.Dropout(0.5)] if drop else []
    return [*layers, keras.layers.Dense(4)]


def _functional(normalize, drop):
    x = inputs = keras.layers.Input((8, 8, 3))
    for layer in _layers(normalize, drop):
        x = layer(x)
    return keras.Model(inputs, x)


def _sequential(normalize, drop):
    return keras.Sequential([keras.layers.Input((8, 8, 3)), *_layers(normalize, drop)])


def _unbuilt(normalize, drop):
    return keras.Sequential(_layers(normalize, drop))


KINDS = {
    "functional": _functional,
    "sequential": _sequential,
    "unbuilt": _unbuilt,
    "subclassed": Subclassed,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("normalize", "drop"), [(False, False), (True, True)])
def test_fit_trains_it_in_place(kind, normalize, drop):
    classifier = KINDS[kind](normalize, drop)
    method = XVAT(classifier)
    method.compile(optimizer=keras.optimizers.Adam(1e-2))
    history = method.fit(IMAGES, LABELS, batch_size=8, epochs=6, verbose=0).history
    assert history["cross_entropy"][-1] < history["cross_entropy"][0]
    np.testing.assert_array_equal(method(IMAGES), classifier(IMAGES))
    evaluated = method.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    hits = np.argmax(classifier(IMAGES, training=False), axis=-1) == LABELS
    assert evaluated["accuracy"] == pytest.approx(np.mean(hits))
    assert method.perturb(IMAGES)["mask"].shape == (24, 8, 8, 1)


def test_fit_on_labeled_and_unlabeled_batches_of_an_unbuilt_classifier():
    labeled = tf.data.Dataset.from_tensor_slices({"image": IMAGES[:8], "label": LABELS[:8]})
    unlabeled = tf.data.Dataset.from_tensor_slices({"image": IMAGES, "index": np.arange(24)})
    dataset = tf.data.Dataset.zip(
        {"labeled": labeled.repeat().batch(4), "unlabeled": unlabeled.batch(6)}
    )
    method = XVAT(Subclassed(True, False), mask=PerturbationTable(24, (8, 8, 1)))
    method.compile()
    method.fit(dataset, epochs=2, shuffle=False, verbose=0)
    assert int(method.step) == 8


def test_dropout_masks_differ_between_steps_and_passes_unless_shared():
    classifier = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Dropout(0.5)])
    method = VAT(classifier)
    image = tf.ones([4, 8, 8, 3])
    one, same, other = (method.forward(image, purpose) for purpose in ("a", "a", "b"))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)
    method.step.assign_add(1)
    assert np.any(one != method.forward(image, "a"))


@pytest.mark.parametrize("data", [IMAGES, {"image": IMAGES}, (IMAGES, LABELS, LABELS)])
def test_what_is_no_batch_is_refused(data):
    method = XVAT(_functional(False, False))
    method.compile()
    with pytest.raises(ValueError, match="A batch must be"):
        method.train_step(data)
