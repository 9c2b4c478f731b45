"""Linear classifiers of two classes, of which the worst perturbation is known in closed form."""

import numpy as np
import tensorflow as tf

IMAGE_SHAPE = (3, 4, 2)
# Distinct sizes, both signs, none 0.
WEIGHTS = np.random.default_rng(5).permutation(np.linspace(-1, 1, 24)).reshape(IMAGE_SHAPE)


def linear(images):
    """Logits (w x, 0): class 0 where w x is above 0."""
    score = tf.tensordot(tf.cast(images, tf.float32), tf.constant(WEIGHTS, tf.float32), 3)
    return tf.stack([score, tf.zeros_like(score)], axis=-1)


def examples(count=12, *, low=0.2, high=0.8, seed=0):
    """Images, the labels that the linear classifier gives them, sign(w x) [count, 1, 1, 1]."""
    images = np.random.default_rng(seed).uniform(low, high, (count, *IMAGE_SHAPE))
    sign = np.sign(np.tensordot(images, WEIGHTS, 3))
    labels = np.where(sign > 0, 0, 1)
    return images.astype(np.float32), labels, sign.reshape(-1, 1, 1, 1)


def margins(images, sign):
    """By how much the linear classifier is right, [count]; below 0 where it is wrong."""
    return np.tensordot(images, WEIGHTS, 3) * np.ravel(sign)


def worst(images, sign, epsilon, norm):
    """The images of the ball on which it is the least right, without a range of pixels.

    w x falls the fastest along -sign(w) of all changes up to epsilon in each value, and along -w of
    all of length epsilon.
    """
    if norm == "linf":
        return images - epsilon * sign * np.sign(WEIGHTS)
    return images - epsilon * sign * WEIGHTS / np.linalg.norm(WEIGHTS)
