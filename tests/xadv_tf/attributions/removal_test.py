import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attributions import controls, removal

# A class whose probability is linear in the pixels: 0.1 with all of them off, 0.95 with all on.
WEIGHTS = np.array([[0.03, 0.42], [0.1, 0.3]])
COUNTS = np.arange(5)


def _predict(image):
    p = 0.1 + tf.reduce_sum(image[..., 0] * tf.constant(WEIGHTS, tf.float32), axis=[1, 2])
    return tf.math.log(tf.stack([p, 1 - p], axis=-1))


def _curves(function, attribution, label=0, **kwargs):
    attribution = tf.cast(attribution, tf.float32)
    image = tf.ones([len(attribution), 2, 2, 1])
    rank = removal.ranks(attribution, **kwargs)
    labels = [label] * len(attribution)
    return function(_predict, image, tf.zeros_like(image), rank, labels, COUNTS)


def test_the_largest_attribution_goes_first():
    rank = removal.ranks(tf.constant([[[0.1, 3.0], [-5.0, 0.2]], [[4.0, 3.0], [2.0, 1.0]]]))
    assert rank.numpy().tolist() == [[[2, 0], [3, 1]], [[0, 1], [2, 3]]]


def test_equal_pixels_go_in_random_order():
    rank = np.reshape(removal.ranks(tf.zeros([600, 2, 2])), (600, 4))
    assert np.all(np.sort(rank, axis=1) == COUNTS[:4])
    # Each place is uniform on 0 to 3: a deviation of 1.118, of the mean of 600 images 0.046.
    np.testing.assert_allclose(np.mean(rank, axis=0), 1.5, atol=0.19)
    again = np.reshape(removal.ranks(tf.zeros([600, 2, 2])), (600, 4))
    np.testing.assert_array_equal(rank, again)
    assert np.any(rank != np.reshape(removal.ranks(tf.zeros([600, 2, 2]), seed=1), (600, 4)))


def test_deletion_of_the_right_order():
    # 0.95, then without 0.42, 0.3, 0.1 and 0.03.
    curves = _curves(removal.deletion, WEIGHTS[None])
    np.testing.assert_allclose(curves.probability[0], [0.95, 0.53, 0.23, 0.13, 0.1], rtol=1e-5)
    assert curves.agrees[0].numpy().tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    # (0.95 / 2 + 0.53 + 0.23 + 0.13 + 0.1 / 2) / 4
    np.testing.assert_allclose(removal.area(curves.probability, COUNTS), [0.35375], rtol=1e-5)
    # In the opposite order 0.95, 0.92, 0.82, 0.52, 0.1: (0.475 + 0.92 + 0.82 + 0.52 + 0.05) / 4.
    curves = _curves(removal.deletion, -WEIGHTS[None])
    np.testing.assert_allclose(removal.area(curves.probability, COUNTS), [0.69625], rtol=1e-5)


def test_insertion_of_the_right_order():
    curves = _curves(removal.insertion, WEIGHTS[None])
    np.testing.assert_allclose(curves.probability[0], [0.1, 0.52, 0.82, 0.92, 0.95], rtol=1e-5)
    assert curves.agrees[0].numpy().tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]
    # (0.1 / 2 + 0.52 + 0.82 + 0.92 + 0.95 / 2) / 4
    np.testing.assert_allclose(removal.area(curves.probability, COUNTS), [0.69625], rtol=1e-5)


def test_an_area_is_over_the_share_of_the_pixels_not_over_the_points():
    # 1 over the first pixel of four, then down to 0: 1/4 + 3/4 / 2.
    np.testing.assert_allclose(removal.area([1.0, 1.0, 0.0], [0, 1, 4]), 0.625)


def test_the_class_that_is_asked_for_is_followed():
    curves = _curves(removal.deletion, WEIGHTS[None], label=1)
    np.testing.assert_allclose(curves.probability[0], [0.05, 0.47, 0.77, 0.87, 0.9], rtol=1e-5)


@pytest.mark.parametrize("function", [removal.deletion, removal.insertion])
def test_a_random_order_gives_the_mean_of_both_ends(function):
    # Of a linear probability each pixel is there half of the way: (0.95 + 0.1) / 2. A pixel's share
    # of the way, (place + 1/2) / 4, has a variance of 15/192; with sum (w - mean w)^2 = 0.0967 and
    # places that exclude each other (times 4/3) an area has a deviation of 0.1, the mean of 2,000
    # of 0.0022.
    attribution = controls.random(tf.zeros([2000, 2, 2, 1]))
    areas = removal.area(_curves(function, attribution).probability, COUNTS)
    np.testing.assert_allclose(np.mean(areas), 0.525, atol=0.009)
    np.testing.assert_allclose(np.std(areas), 0.1004, rtol=0.1)


def test_points_go_from_none_to_all_and_are_dense_at_the_start():
    counts = removal.counts(784)
    assert (counts[0], counts[-1], len(counts)) == (0, 784, 25)
    assert np.all(np.diff(counts) > 0)
    assert counts[12] == 196  # Half of the points in the first quarter.
    assert removal.counts(4).tolist() == [0, 1, 2, 3, 4]


def test_it_compiles():
    image = tf.ones([3, 2, 2, 1])
    rank = removal.ranks(tf.constant(WEIGHTS[None].repeat(3, axis=0), tf.float32))
    compiled = tf.function(lambda *x: removal.deletion(_predict, *x, COUNTS), jit_compile=True)
    shown = compiled(image, tf.zeros_like(image), rank, tf.zeros([3], tf.int32))
    np.testing.assert_allclose(shown.probability[2], [0.95, 0.53, 0.23, 0.13, 0.1], rtol=1e-5)
