"""Our attacks beside those of other libraries; `pip install -e '.[attacks]'` brings these."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import data
from xadv_tf.attacks import APGD, PGD, survival

pytestmark = pytest.mark.slow
EPSILON, STEPS = 0.1, 20
# Of 300 images: two random starts differ by some.
_LUCK = 0.02


@pytest.fixture(scope="module")
def trained():
    """A small network on real digits, and 300 of them, [0, 1]."""
    digits = data.load("digits", data_dir=None, download=False)
    images = digits.train_images.astype(np.float32) / 255
    layers = [keras.layers.Input((28, 28, 1)), keras.layers.Flatten()]
    layers += [keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(images, digits.train_labels, batch_size=100, epochs=3, verbose=0)
    chosen = digits.test_images[::3][:300].astype(np.float32) / 255
    return model, chosen, digits.test_labels[::3][:300].astype(np.int64)


def _timed(attack, *arguments):
    attack(*arguments)  # Traced, compiled.
    began = time.perf_counter()
    found = attack(*arguments)
    return np.asarray(found), time.perf_counter() - began


def _accuracy(model, found, images, labels):
    assert np.max(np.abs(found - images)) < EPSILON + 1e-5
    assert np.min(found) >= 0 and np.max(found) <= 1
    return np.mean(np.argmax(model(found), -1) == labels)


@pytest.mark.filterwarnings("ignore")  # Of the other library.
def test_pgd_is_as_strong_as_foolbox_and_faster(trained):
    foolbox = pytest.importorskip("foolbox")
    model, images, labels = trained
    step = 2.5 * EPSILON / STEPS
    theirs = foolbox.attacks.LinfPGD(abs_stepsize=step, steps=STEPS, random_start=True)
    known = foolbox.TensorFlowModel(model, bounds=(0, 1))
    given = tf.constant(images), tf.constant(labels)
    found, seconds = _timed(lambda *a: theirs(known, *a, epsilons=EPSILON)[1], *given)
    other = _accuracy(model, found, images, labels)
    found, own_seconds = _timed(PGD(model, steps=STEPS), images, labels, EPSILON)
    own = _accuracy(model, found, images, labels)
    print(f"PGD, {STEPS} steps: ours {own:.3f} in {own_seconds:.2f} s, "
          f"foolbox {other:.3f} in {seconds:.2f} s")  # fmt: skip
    assert own <= other + _LUCK
    assert own_seconds < seconds


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.filterwarnings("ignore")
def test_apgd_is_as_strong_as_art_and_faster(trained, norm):
    attacks = pytest.importorskip("art.attacks.evasion")
    estimators = pytest.importorskip("art.estimators.classification")
    model, images, labels = trained
    epsilon = EPSILON if norm == "linf" else 1.0
    classifier = estimators.TensorFlowV2Classifier(
        model=model,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )
    theirs = attacks.AutoProjectedGradientDescent(
        classifier,
        norm=np.inf if norm == "linf" else 2,
        eps=epsilon,
        eps_step=2 * epsilon,
        max_iter=STEPS,
        nb_random_init=1,
        batch_size=300,
        loss_type="cross_entropy",
        verbose=False,
    )
    found, seconds = _timed(lambda x, y: theirs.generate(x=x, y=y), images, np.eye(10)[labels])
    other = np.mean(np.argmax(model(found), -1) == labels)
    attack = APGD(model, norm=norm, steps=STEPS)
    _, own_seconds = _timed(attack, images, labels, epsilon)
    own = np.mean(survival(attack, images, labels, [epsilon]))
    print(f"APGD-CE {norm}, {STEPS} steps: ours {own:.3f} in {own_seconds:.2f} s, "
          f"ART {other:.3f} in {seconds:.2f} s")  # fmt: skip
    assert own <= other + _LUCK
    assert own_seconds < seconds
