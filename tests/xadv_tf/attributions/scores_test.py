import math

import numpy as np
import tensorflow as tf

from xadv_tf.attributions import scores

# Logits (x, 2 y) of the two pixels of an image [1, 2, 1].
IMAGE = tf.constant([[[[3.0], [1.0]]], [[[0.0], [5.0]]]])


def _predict(image):
    return image[:, 0, :, 0] * tf.constant([1.0, 2.0])


def test_each_image_is_asked_for_its_own_class():
    assert scores.class_logit(_predict, IMAGE, [0, 1]).numpy().tolist() == [3.0, 10.0]
    # softmax(3, 2) and softmax(0, 10).
    np.testing.assert_allclose(
        scores.class_probability(_predict, IMAGE, [1, 1]),
        [1 / (1 + math.e), 1 / (1 + math.exp(-10))],
        rtol=1e-5,
    )
    gradient = scores.gradient_of_logit(_predict, IMAGE, [0, 1])
    assert gradient[:, 0, :, 0].numpy().tolist() == [[1.0, 0.0], [0.0, 2.0]]


def test_half_precision_is_made_float32():
    logit = scores.class_logit(lambda x: tf.cast(_predict(x), tf.bfloat16), IMAGE, [0, 1])
    assert logit.dtype == tf.float32
