import numpy as np
import tensorflow as tf

from xadv_tf import hard_concrete, masks


def _roughness(pattern):
    mask = tf.constant(pattern, tf.float32)[None, :, :, None]
    return float(masks.roughness(hard_concrete.expected_l0(mask))[0])


def test_roughness_by_hand():
    # sigmoid(1.582611 + z) is .829574 at 0 and .929734 at 1: one edge counts .100160. In a 2x2
    # checkerboard all vertical and horizontal pairs are edges, the diagonal ones are not: 2 edges.
    # In vertical stripes the horizontal and both diagonal ones are: 3.
    np.testing.assert_allclose(_roughness([[0, 1], [1, 0]]), 0.200320, atol=1e-6)
    np.testing.assert_allclose(_roughness([[0, 1], [0, 1]]), 0.300480, atol=1e-6)
    assert _roughness([[1, 1], [1, 1]]) == 0


def test_vectors_have_no_neighbours():
    np.testing.assert_array_equal(masks.roughness(tf.ones([3, 5])), np.zeros(3))


def test_expand_covers_squares_and_crops():
    mask = tf.constant([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    expanded = masks.expand(mask, (None, 3, 3, 1))[0, :, :, 0]
    np.testing.assert_array_equal(expanded, [[1, 1, 2], [1, 1, 2], [3, 3, 4]])
    assert masks.expand(mask, (None, 2, 2, 3)) is mask
