import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import hard_concrete
from xadv_tf.attacks import TrainedRemoval, margin, masked
from xadv_tf.attacks.trained_masks import with_removed


@pytest.mark.parametrize("count", [0.5, 3, 9])
def test_as_many_gates_are_closed_on_average(count):
    log_alpha = tf.constant(np.random.default_rng(0).normal(0, 5, (4, 3, 4, 1)), tf.float32)
    shifted = with_removed(log_alpha, count)
    closed = 1.0 - hard_concrete.expected_l0(shifted)
    np.testing.assert_allclose(tf.reduce_sum(closed, [1, 2, 3]), count, rtol=1e-4)
    # One shift an image: differences between its gates stay.
    moved = np.reshape(shifted - log_alpha, (4, -1))
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-4)


def test_masks_remove_what_supports_a_linear_classifier():
    # Logit of the label: 4 pixels of 1 and 12 of 0.1, against a threshold that stays below.
    support = np.zeros((4, 4), np.float32)
    support[[0, 1, 2, 3], [2, 0, 3, 1]] = 1.0
    weights = tf.constant(np.where(support > 0, 1.0, 0.1), tf.float32)

    def classifier(images):
        score = tf.reduce_sum(images[..., 0] * weights, axis=[1, 2]) - 1.0
        return tf.stack([score, tf.zeros_like(score)], axis=-1)

    attack = TrainedRemoval(masked(classifier), steps=40)
    images, labels = np.ones((3, 4, 4, 1)), [0, 0, 0]
    # Without the four 1.2 - 1 is left: not broken, and the least that four removals leave.
    found = attack(images, labels, 4).numpy()[..., 0]
    np.testing.assert_array_equal(found, np.broadcast_to(1 - support, (3, 4, 4)))
    # With three more -0.1 is left.
    logits = attack.predict(images, attack(images, labels, 7)).numpy()
    np.testing.assert_array_equal(np.argmax(logits, -1), 1)


def test_gates_keep_to_the_number_of_pixels_as_they_are_trained():
    # Each pixel supports the class alike, so that Adam would close all 48 gates within 40 steps.
    drawn = []

    def record(mask):
        if np.any((mask.numpy() > 0) & (mask.numpy() < 1)):  # Not those removed in earnest.
            drawn.append(np.mean(np.sum(mask.numpy() == 0, axis=(1, 2, 3))))

    def classifier(images, mask):
        tf.py_function(record, [mask], [])
        score = 99.0 + tf.reduce_sum(images * mask, axis=[1, 2, 3])
        return tf.stack([score, tf.zeros_like(score)], axis=-1)

    TrainedRemoval(classifier, steps=40, loss=margin)(np.ones((60, 6, 8, 1)), [0] * 60, 12)
    assert len(drawn) == 40
    # A mean over 60 images, each of a deviation of sqrt(48 / 4 * 3 / 4) = 3: 0.4.
    np.testing.assert_allclose(drawn, 12, atol=2)


@pytest.mark.parametrize("given", [{"steps": 0}, {"learning_rate": 0.0}])
def test_arguments_out_of_range(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        TrainedRemoval(masked(attacks_support.linear), **given)
