import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attacks import difference_of_logits_ratio, margin

LOGITS = tf.constant([[3.0, 1.0, 0.0, -1.0], [3.0, 1.0, 0.0, -1.0]])


def test_margin():
    # The other classes' best minus the label's: 1 - 3, and 3 - 0.
    np.testing.assert_allclose(margin([0, 2], LOGITS), [-2.0, 3.0])


def test_difference_of_logits_ratio():
    # -(3 - 1) / (3 - 0), and -(0 - 3) / (3 - 0).
    ratio = difference_of_logits_ratio([0, 2], LOGITS)
    np.testing.assert_allclose(ratio, [-2 / 3, 1.0], rtol=1e-6)
    moved = difference_of_logits_ratio([0, 2], 50.0 * LOGITS + 7.0)
    np.testing.assert_allclose(moved, ratio, rtol=1e-5)


def test_the_ratio_of_a_label_that_is_not_among_the_first_three():
    # -(-1 - 3) / (3 - 0): above 1.
    np.testing.assert_allclose(difference_of_logits_ratio([3], LOGITS[:1]), [4 / 3], rtol=1e-6)


def test_the_ratio_needs_a_third_class():
    with pytest.raises(ValueError, match="3 classes or more.*Received: logits of 2 classes"):
        difference_of_logits_ratio([0], tf.zeros([1, 2]))
