import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attacks import FGSM, RandomRemoval, masked, survival, vanishing_gradients
from xadv_tf.attacks.ball import BallAttack

EPSILONS = [0.0, 0.01, 0.02, 0.04]


def test_survival_is_the_closed_form():
    images, labels, sign = attacks_support.examples(50)
    labels[:5] = 1 - labels[:5]  # Wrong from the beginning.
    right = survival(FGSM(attacks_support.linear), images, labels, EPSILONS, batch_size=16)
    for epsilon, row in zip(EPSILONS, right, strict=True):
        worst = attacks_support.worst(images, sign, epsilon, "linf")
        expected = attacks_support.margins(worst, sign) > 0
        expected[:5] = False
        np.testing.assert_array_equal(row, expected)
    assert 0 < np.sum(right[-1]) < np.sum(right[0]) == 45


class _Stays(BallAttack):
    """Breaks every image up to strength 0.02, and none beyond."""

    def search(self, images, labels, strength, seed):
        return tf.where(strength < 0.02, images - 0.01, images)


def test_what_is_broken_stays_broken():
    def classifier(images):
        score = tf.reduce_mean(images, axis=[1, 2, 3]) - 0.5
        return tf.stack([score, tf.zeros_like(score)], -1)

    images = np.full((4, 2, 2, 1), 0.505, np.float32)
    right = survival(_Stays(classifier), images, np.zeros(4, int), EPSILONS)
    np.testing.assert_array_equal(np.sum(right, axis=1), [4, 0, 0, 0])


class _Leaves(BallAttack):
    def search(self, images, labels, strength, seed):
        return images + 2.0 * strength


def test_an_attack_that_leaves_its_ball_is_not_believed():
    images, labels, _ = attacks_support.examples()
    with pytest.raises(RuntimeError, match="_Leaves went 0.01 beyond.* at strength 0.01"):
        survival(_Leaves(attacks_support.linear), images, labels, [0.01])


def test_random_removal_may_mend_a_prediction():
    # Class 0 where the first pixel is 0: its removal mends an image.
    def classifier(images):
        return tf.stack([0.5 - images[:, 0, 0, 0], 0.0 * images[:, 0, 0, 0]], -1)

    images = np.ones((2000, 1, 4, 1), np.float32)
    right = survival(RandomRemoval(masked(classifier)), images, np.zeros(2000, int), [0, 1, 4])
    # One pixel of four, up to a deviation of 0.01; then all.
    np.testing.assert_allclose(np.mean(right, axis=1), [0, 0.25, 1], atol=0.04)


def test_images_without_a_gradient_are_counted():
    # Of four right images two have x < 0, where a rectifier passes nothing, and one is not finite.
    def classifier(x):
        x = x[:, 0]
        root = tf.where(x > 3.0, tf.sqrt(tf.abs(x - 4.0)), 0.0)
        score = 1.0 + tf.nn.relu(x) + root
        return tf.stack([score, tf.zeros_like(score)], -1)

    images, labels = np.array([[-1.0], [-2.0], [4.0], [1.0], [-1.0]]), np.array([0, 0, 0, 0, 1])
    share = vanishing_gradients(FGSM(classifier), images, labels, batch_size=2)
    assert share == 3 / 4
    assert np.isnan(vanishing_gradients(FGSM(classifier), images, 1 - labels * 0))


@pytest.mark.parametrize("strengths", [[0.1, 0.0], [-1.0, 0.0], [0.1, 0.1]])
def test_strengths_must_rise(strengths):
    images, labels, _ = attacks_support.examples()
    with pytest.raises(ValueError, match="strengths must rise"):
        survival(FGSM(attacks_support.linear), images, labels, strengths)


def test_logits_must_be_finite():
    attack = FGSM(lambda x: tf.fill([tf.shape(x)[0], 2], float("nan")))
    with pytest.raises(ValueError, match="NaN or infinity for 3 of 3 images"):
        survival(attack, np.zeros((3, 2)), np.zeros(3, int), [0.0])
