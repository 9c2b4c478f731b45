import numpy as np
import pytest
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


def test_roughness_along_the_axes_of_sequences_and_volumes():
    # |1 - 0| and |3 - 1| have the mean 1.5; a volume whose values are its first coordinate, 0 and
    # 2, has steps of 2 along that axis and of 0 along the others.
    sequence = tf.constant([0.0, 1.0, 3.0])[None, :, None]
    assert masks.roughness(sequence).numpy().tolist() == [1.5]
    volume = tf.broadcast_to(tf.reshape([0.0, 2.0], [1, 2, 1, 1, 1]), [1, 2, 3, 4, 1])
    assert masks.roughness(volume).numpy().tolist() == [2.0]


def test_expand_covers_sequences_and_volumes():
    sequence = masks.expand(tf.constant([1.0, 2.0])[None, :, None], (None, 3, 5))
    np.testing.assert_array_equal(sequence[0, :, 0], [1, 1, 2])
    volume = masks.expand(tf.ones((1, 2, 1, 2, 1)), (None, 4, 3, 3, 2))
    assert volume.shape == (1, 4, 3, 3, 1)


def test_gates_are_counted_at_the_images_resolution():
    assert masks.num_gates((None, 7), None) == 7
    assert masks.num_gates((None, 12, 3), 1) == 12
    assert masks.num_gates((None, 4, 5, 3), 3) == 60
    assert masks.num_gates((None, 4, 5, 6, 2), 1) == 120


def test_a_blur_keeps_constants_and_takes_details_away():
    constant = tf.fill([1, 8, 6, 2], 3.0)
    np.testing.assert_allclose(masks.blur(constant), constant, rtol=1e-6)
    # Far from the border a point of height 1 becomes the product of two Gaussians of deviation 2,
    # whose sum over whole numbers is 2 sqrt(2 pi).
    point = tf.scatter_nd([[0, 10, 10, 0]], [1.0], [1, 20, 20, 1])
    blurred = masks.blur(point)[0, :, :, 0].numpy()
    height = 1.0 / (8.0 * np.pi)
    assert blurred[10, 10] == pytest.approx(height, rel=1e-4)
    assert blurred[12, 10] == pytest.approx(height * np.exp(-0.5), rel=1e-4)
    assert blurred[10, 13] == pytest.approx(height * np.exp(-9.0 / 8.0), rel=1e-3)


# 8 pixels have 8 gates, 4 of two, 3 of three, three and two, 2 of four, or 1. Of 5 or 6 gates the
# squares are two pixels wide, and the last ones lie beyond the image.
@pytest.mark.parametrize(
    ("gates", "fits"),
    [((8, 8, 1), True), ((4, 2, 3), True), ((3, 1, 1), True), ((3, 5, 1), False)]
    + [((6, 8, 1), False), ((9, 8, 1), False), ((0, 8, 1), False), ((8, 8, 2), False)]
    + [((8, 8), False), ((1, 8, 8, 1), False), ((64,), False)],
)
def test_gates_that_fit_an_image(gates, fits):
    if fits:
        masks.refuse_other_gates(gates, (None, 8, 8, 3))
        covered = masks.expand(tf.reshape(tf.range(np.prod(gates)), [1, *gates]), (1, 8, 8, 3))
        assert len(np.unique(covered)) == np.prod(gates)
    else:
        with pytest.raises(ValueError, match="a mask must have a gate.*Received: gates of shape"):
            masks.refuse_other_gates(gates, (None, 8, 8, 3))


def test_gates_of_vectors_and_of_images_of_any_size():
    masks.refuse_other_gates((7,), (None, 7))
    masks.refuse_other_gates((5, 3, 1), (None, None, None, 1))
    with pytest.raises(ValueError, match=r"Received: gates of shape \(6,\), .* shape \(7,\)"):
        masks.refuse_other_gates((6,), (None, 7))


def test_removed_pixels_become_the_fill():
    image = tf.constant([[[[2.0, 4.0]], [[6.0, 8.0]]]])  # Two pixels of two channels.
    mask = tf.constant([[[[1.0]], [[0.25]]]])
    kept = masks.removed(image, mask, 4.0)
    np.testing.assert_allclose(kept[0, :, 0], [[2.0, 4.0], [4.5, 5.0]])
    own = masks.removed(image, mask, np.array([[[0.0, 4.0]], [[8.0, 0.0]]]))
    np.testing.assert_allclose(own[0, :, 0], [[2.0, 4.0], [7.5, 2.0]])
    blurred = masks.removed(image, tf.zeros_like(mask), "blurred")
    np.testing.assert_allclose(blurred, masks.blur(image))
