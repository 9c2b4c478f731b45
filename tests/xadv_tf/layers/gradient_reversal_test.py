import numpy as np
import tensorflow as tf

from xadv_tf.layers import reverse_gradient


def test_identity_forward_negation_backward():
    x = tf.constant([1.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = reverse_gradient(x)
        loss = tf.reduce_sum(y**2)
    np.testing.assert_array_equal(y, x)
    # d sum x^2 / dx = 2 x, turned round.
    np.testing.assert_array_equal(tape.gradient(loss, x), [-2.0, 4.0])
