import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attacks import GeneratedRemoval, GreedyRemoval, RandomRemoval, masked
from xadv_tf.attacks.removal import remove_lowest


def _contributions(images, sign, fill=0.0):
    """What each pixel, of all channels, adds to the margin: sum of w (x - fill), [count, 3, 4]."""
    return np.sum((images - fill) * attacks_support.WEIGHTS * sign, axis=-1)


def _without_largest(values, count):
    """0 at the `count` largest of each image as far as they are above 0, 1 elsewhere."""
    flat = values.reshape(len(values), -1)
    mask = np.ones_like(flat)
    np.put_along_axis(mask, np.argsort(-flat, axis=1)[:, :count], 0.0, axis=1)
    return np.where(values > 0, mask.reshape(values.shape), 1.0)


@pytest.mark.parametrize(("fill", "threshold"), [(0.0, 1.8), (0.5, 0.8)])
def test_greedy_removal_from_a_linear_classifier_takes_what_supports_it_the_most(fill, threshold):
    images, _, _ = attacks_support.examples(40)
    labels, sign = np.zeros(40, int), 1.0

    def classifier(x):
        return attacks_support.linear(x) + [threshold, 0.0]

    contributions = _contributions(images, sign, fill)
    attack = GreedyRemoval(masked(classifier, fill=fill), rounds=3)
    found = attack(images, labels, 3).numpy()[..., 0]
    expected = _without_largest(contributions, 3)
    margin = attacks_support.margins(images, sign) + threshold
    worst = margin - np.sum(contributions * (expected == 0), (1, 2))
    whole = worst > 0  # The others may be broken by fewer.
    assert 5 < np.sum(whole) < 35
    np.testing.assert_array_equal(found[whole], expected[whole])
    logits = attack.predict(images, found[..., None]).numpy()
    np.testing.assert_array_equal(np.argmax(logits, -1) != labels, ~whole)


def test_what_is_removed_stays_removed():
    # Without its first pixel, the dearest, the score no longer depends on that pixel: by the
    # gradient alone, two others would be removed instead of it.
    def classifier(images, mask):
        score = 9.0 + mask[:, 0] ** 2 + 0.5 * mask[:, 1] + 0.4 * mask[:, 2]
        return tf.stack([score, tf.zeros_like(score)], axis=-1)

    attack = GreedyRemoval(classifier, rounds=2)
    np.testing.assert_array_equal(attack(np.ones((1, 3)), [0], 2), [[0, 0, 1]])


def test_pixels_that_hurt_the_classifier_are_not_removed():
    images, labels, sign = attacks_support.examples(40)
    # All twelve pixels may go, after which the logits are equal: a prediction of class 0.
    attack = GreedyRemoval(masked(attacks_support.linear), rounds=12)
    mask = attack(images, labels, 12).numpy()[..., 0]
    logits = attack.predict(images, mask[..., None]).numpy()
    assert np.all(np.argmax(logits, -1) != labels)


def test_random_removal_takes_exactly_as_many_anywhere():
    images = np.zeros((3000, *attacks_support.IMAGE_SHAPE), np.float32)
    attack = RandomRemoval(masked(attacks_support.linear))
    found = attack(images, np.zeros(3000, int), 3).numpy()
    assert found.shape == (3000, 3, 4, 1) and not attack.worst_case
    np.testing.assert_array_equal(np.sum(found == 0, axis=(1, 2, 3)), 3)
    # Each of 12 pixels in a quarter of the images, up to a deviation of 0.008.
    np.testing.assert_allclose(np.mean(found[..., 0] == 0, axis=0), 0.25, atol=0.035)
    np.testing.assert_array_equal(found, attack(images, np.zeros(3000, int), 3))
    assert np.any(found != attack(images, np.zeros(3000, int), 3, seed=1))


def test_a_generator_says_what_it_keeps_the_least():
    images, labels, sign = attacks_support.examples(40)

    def log_alpha(x):  # Gates over squares of two by two: the left half is kept the least.
        gates = tf.constant([[[-1.0], [3.0]], [[-2.0], [4.0]]])
        return tf.tile(gates[None], [tf.shape(x)[0], 1, 1, 1])

    attack = GeneratedRemoval(masked(attacks_support.linear), log_alpha)
    found = attack(images, labels, 3).numpy()[..., 0]
    # The lower row has one line of the two, then the first of the upper ones.
    expected = np.array([[0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1]])
    gone = np.sum(_contributions(images, sign) * (expected == 0), (1, 2))
    hurts = gone > 0
    assert 5 < np.sum(hurts) < 35
    np.testing.assert_array_equal(found[hurts], np.broadcast_to(expected, found[hurts].shape))
    assert np.all(found[~hurts] == 1)


def test_lowest_scores_the_first_of_equal_ones():
    scores = tf.constant([[[2.0], [1.0], [1.0], [0.0]]])
    np.testing.assert_array_equal(remove_lowest(scores, 2)[0, :, 0], [1, 0, 1, 0])
    np.testing.assert_array_equal(remove_lowest(scores, 0)[0, :, 0], [1, 1, 1, 1])


def test_excess_counts_pixels():
    attack, images = RandomRemoval(masked(attacks_support.linear)), np.zeros((2, 2, 2, 1))
    masks = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 1]]], float)[..., None]
    assert attack.excess(images, masks, 3) == 0
    assert attack.excess(images, masks, 2) == 1
    assert attack.excess(images, masks + 0.25, 3) == 8


def test_vectors_lose_features():
    attack = GreedyRemoval(masked(lambda x: tf.stack([x[:, 0] + x[:, 1], 0.5 + 0 * x[:, 0]], -1)))
    np.testing.assert_array_equal(attack(np.array([[0.2, 0.9]]), [0], 1), [[1, 0]])


def test_no_round():
    with pytest.raises(ValueError, match="Received: rounds=0"):
        GreedyRemoval(masked(attacks_support.linear), rounds=0)
