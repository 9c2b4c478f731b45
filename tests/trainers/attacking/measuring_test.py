import dataclasses
import types

import numpy as np
import tensorflow as tf

from trainers.attacking import measuring
from trainers.attacking.settings import Settings
from trainers.attacking.threats import Threat
from xadv_tf.attacks.ball import BallAttack

SETTINGS = Settings(
    attacks=("fgsm", "pgd", "square", "greedy_removal", "random_removal"),
    **{"linf": (0.0, 0.05, 0.3), "l2": (0.0, 0.5), "removed": (0.0, 0.5)},
    **{"attack_steps": 3, "restarts": 1, "queries": 40, "num_images": None, "doubt": False},
)
_RNG = np.random.default_rng(0)
_IMAGES = _RNG.integers(60, 200, (40, 3, 3, 1)).astype(np.uint8)
_WEIGHTS = _RNG.normal(size=(3, 3)).astype(np.float32)


def _score(images):
    return tf.tensordot(tf.cast(images, tf.float32)[..., 0] / 255.0, tf.constant(_WEIGHTS), 2)


_OFFSET = float(np.median(_score(_IMAGES)))


def _linear(images, training):
    score = _score(images) - _OFFSET
    return tf.stack([score, 0.0 * score, 0.0 * score - 9.0], axis=-1)


def _stepped(images, training):
    """The same on images rounded to multiples of 8, which passes no gradient."""
    return _linear(8.0 * tf.round(images / 8.0), training)


def _data():
    labels = np.argmax(_linear(_IMAGES, False), axis=-1)
    return types.SimpleNamespace(
        dataset=types.SimpleNamespace(
            test_images=_IMAGES, test_labels=labels, image_shape=(3, 3, 1), num_classes=3
        ),
        preprocess=lambda images: tf.cast(images, tf.float32),
    )


def test_the_worst_is_of_all_attacks_but_the_random_one():
    said = []
    report = measuring.measure(_linear, _data(), SETTINGS, say=said.append)
    assert report["images"] == 40 and len(said) == 8
    linf = report["threats"]["linf"]
    assert linf["strengths"] == [0.0, 0.05, 0.3] and linf["sizes"][1] == 12.75
    # Closed form: the score moves by 0.05 times the sum of the weights' sizes.
    margin = np.abs(_score(_IMAGES) - _OFFSET)
    whole = int(np.sum(margin > 0.05 * np.sum(np.abs(_WEIGHTS))))
    assert 0 < whole < 40
    for name in ("fgsm", "pgd", "worst"):
        assert linf["right"][name][:2] == [40, whole]
    removal = report["threats"]["removal"]["right"]
    assert removal["worst"] == removal["greedy_removal"]
    assert removal["random_removal"][1] > removal["worst"][1]
    assert report["vanishing_gradients"] == {"cross-entropy": 0.0}
    assert report["warnings"] == []


def test_random_removal_is_no_part_of_the_worst(monkeypatch):
    random = _Breaks(40)
    random.worst_case = False
    made = {"greedy_removal": _Breaks(10), "random_removal": random}
    threat = Threat("removal", (0.0, 0.5), (0.0, 9.0), made)
    monkeypatch.setattr(measuring.threats_lib, "of_run", lambda *_, **__: ([threat], []))
    monkeypatch.setattr(measuring, "_test_images", lambda *_: (np.ones((40, 1)), np.zeros(40, int)))
    report = measuring.measure(None, None, SETTINGS, say=lambda _: None)
    right = report["threats"]["removal"]["right"]
    assert right == {"greedy_removal": [40, 30], "random_removal": [40, 0], "worst": [40, 30]}


def test_masked_gradients_are_warned_of():
    settings = dataclasses.replace(SETTINGS, attacks=("pgd", "square"))
    report = measuring.measure(_stepped, _data(), settings, say=lambda _: None)
    assert report["vanishing_gradients"] == {"cross-entropy": 1.0}
    first, second, *_ = report["warnings"]
    assert first.startswith("the cross-entropy has no gradient at 100.0 % of the images")
    assert second.startswith("linf: square, which sees no gradient, leaves ")
    assert second.endswith("%: the gradient is masked")


class _Breaks(BallAttack):
    """Moves the first `steps` images to 0, which is class 1."""

    def __init__(self, steps):
        super().__init__(lambda x: tf.concat([x - 0.5, 0.0 * x], -1), low=-9.0)
        self.steps = steps

    def search(self, images, labels, strength, seed):
        first = tf.range(tf.shape(images)[0])[:, None] < self.steps
        return tf.where(first, 0.0, images)


def test_a_stronger_setting_that_breaks_more_is_warned_of():
    images, labels = np.ones((100, 1), np.float32), np.zeros(100, int)

    def doubt(steps, harder):
        threat, other = (
            Threat("linf", (0.0, 0.5), (0.0, 9.0), {"pgd": _Breaks(n)}) for n in (steps, harder)
        )
        right = np.ones((2, 100), bool)
        right[1, :steps] = False
        return measuring._doubt(threat, other, "pgd", right, images, labels)

    # Of 100 images 60 stand, 95 % of the time 50 to 69 (Wilson): 5 fewer are within, 15 are not.
    assert doubt(40, 5) is None
    sentence = doubt(40, 15)
    assert sentence == (
        "linf: pgd is too weak: with four times the steps it leaves 45.0 % at 0.5, not 60.0 %; "
        "raise --attack_steps"
    )
    assert doubt(100, 0) is None  # Nothing stands.


def test_images_spread_over_the_test_set():
    data = _data()
    images, labels = measuring._test_images(data, 4)
    # Of 40 the first, the last and two between.
    np.testing.assert_array_equal(images, _IMAGES[[0, 13, 26, 39]])
    np.testing.assert_array_equal(labels, data.dataset.test_labels[[0, 13, 26, 39]])
    assert len(measuring._test_images(data, 99)[1]) == 40
