"""XVAT around classifiers that it did not write: functional, sequential, subclassed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import determinism
from xadv_tf.layers import PerturbationTable
from xadv_tf.methods import MLE, VAT, XVAT, Combined, EntropyMinimization

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


class Implicit(Subclassed):
    """Leaves it to Keras to tell its layers whether they train, as most models do."""

    def call(self, x, training=None):
        x = self.flatten(x)
        x = self.normalize(x) if self.normalize is not None else x
        x = self.drop(x) if self.drop is not None else x
        return self.logits(x)


class Untold(Implicit):
    def call(self, x):
        return super().call(x)


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
    "implicit": Implicit,
    "untold": Untold,
}


@pytest.mark.parametrize(
    ("kind", "normalize", "drop"),
    [
        *((kind, True, True) for kind in ("unbuilt", "subclassed", "implicit")),
        *(
            pytest.param(kind, True, True, marks=pytest.mark.slow)
            for kind in ("functional", "sequential", "untold")
        ),
        *(pytest.param(kind, False, False, marks=pytest.mark.slow) for kind in list(KINDS)[:4]),
    ],
)
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


@pytest.mark.parametrize("data", [IMAGES, {"image": IMAGES}, (IMAGES, LABELS, LABELS, LABELS)])
def test_what_is_no_batch_is_refused(data):
    method = XVAT(_functional(False, False))
    method.compile()
    with pytest.raises(ValueError, match="A batch must be"):
        method.train_step(data)


@pytest.mark.parametrize("kind", ["functional", "subclassed", "implicit", "untold"])
def test_layers_are_told_that_they_train(kind):
    classifier = KINDS[kind](True, True)
    method = MLE(classifier)
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    method.fit(IMAGES[:8], LABELS[:8], batch_size=8, verbose=0)
    kind_of_layer = keras.layers.BatchNormalization
    normalize = next(x for x in classifier._flatten_layers() if isinstance(x, kind_of_layer))
    assert np.any(normalize.moving_mean != np.zeros(normalize.moving_mean.shape))
    one, other = (method.forward(IMAGES, purpose) for purpose in ("a", "b"))
    assert np.any(one != other)  # Two dropout masks.


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_labels_as_data_sets_have_them(dtype):
    method = XVAT(_functional(False, False))
    method.compile()
    method.fit(IMAGES, LABELS.astype(dtype)[:, None], verbose=0)
    column = method.evaluate(IMAGES, LABELS.astype(dtype)[:, None], verbose=0, return_dict=True)
    assert column == method.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    with pytest.raises(ValueError, match=r"integer classes.*one-hot, \[batch, 4\].*\(8, 5\)"):
        method.train_step((tf.constant(IMAGES[:8]), tf.one_hot(LABELS[:8], 5)))


def test_images_of_any_size():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    classifier = keras.Model(inputs, keras.layers.Dense(4)(x))
    method = XVAT(classifier, l0_reduction="mean")
    method.compile()
    for side in (8, 6):
        method.fit(IMAGES[:, :side, :side], LABELS, verbose=0)
    with pytest.raises(ValueError, match="no fixed size need l0_reduction='mean'"):
        XVAT(classifier).compile()


def test_optimizers_by_name():
    method = Combined([XVAT(_functional(False, False)), EntropyMinimization()])
    method.compile("sgd", mask_optimizer="adam")
    assert [type(player.optimizer) for player in method.all_players()] == [
        keras.optimizers.SGD, keras.optimizers.Adam
    ]  # fmt: skip
    assert method.all_players()[0].optimizer is method.optimizer


def test_several_replicas_are_not_compiled_by_xla(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind="GPU": [kind])
    one = XVAT(_functional(False, False))
    one.compile()
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    with tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    ).scope():
        two = XVAT(_functional(False, False))
        two.compile()
    assert (one.jit_compile, two.jit_compile) == (True, False)


def test_deterministic_kernels_are_not_compiled_by_xla(monkeypatch):
    # Keras would say so in a warning.
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind="GPU": [kind])
    monkeypatch.setattr(determinism, "is_required", lambda: True)
    method = XVAT(_functional(False, False))
    method.compile()
    assert not method.jit_compile
