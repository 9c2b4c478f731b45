import numpy as np
import tensorflow as tf

from xadv_tf.attributions import masked_scores

_rise = tf.function(masked_scores.rise)  # Some hundred passes, one graph.


def test_masks_keep_their_share_and_move():
    masks = np.stack(
        [masked_scores.random_masks((14, 10), seed=0, draw=i)[0, ..., 0] for i in range(400)]
    )
    assert masks.shape == (400, 14, 10)
    assert masks.min() >= 0 and masks.max() <= 1
    # Each number is a mean of cells that are 0 or 1 with probability 1/2: at most a deviation of
    # 0.5, of the mean of 400 masks 0.025.
    np.testing.assert_allclose(np.mean(masks, axis=0), 0.5, atol=0.12)
    other = masked_scores.random_masks((14, 10), seed=1, draw=0)
    assert np.any(other[0, ..., 0] != masks[0])


def test_masks_are_shifted_by_less_than_a_cell_along_each_side():
    # Cells are 4 rows high and a column wide: no shift along columns, of which 8 are there to be
    # cut to 7, and 0 to 3 along rows. Without any, the first two rows would be of the outermost
    # half of a cell, and equal.
    masks = [masked_scores.random_masks((28, 7), seed=0, draw=i)[0, ..., 0] for i in range(30)]
    assert {mask.shape for mask in masks} == {(28, 7)}
    moved = sum(bool(np.any(mask[0] != mask[1])) for mask in masks)
    assert 15 <= moved < 30  # Three of four: 22, up to a deviation of 2.4.


def _looks_at_one(image):
    """Class 0 has the probability 0.1 + 0.8 times the pixel at (2, 9)."""
    p = 0.1 + 0.8 * image[:, 2, 9, 0]
    return tf.math.log(tf.stack([p, 1 - p], axis=-1))


def test_the_pixel_that_is_looked_at_stands_out():
    image = tf.ones([1, 14, 14, 1])
    arguments = {"switched_off": tf.zeros_like(image), "num_samples": 400}
    shown = _rise(_looks_at_one, image, [0], **arguments)[0]
    row, column = np.unravel_index(np.argmax(shown), (14, 14))
    assert abs(row - 2) <= 1 and abs(column - 9) <= 1
    # Far from it the mask is independent of the probability, whose mean is 0.5. The deviation of
    # their product is at most 0.45, of a mean of 400 products over 0.5 less than 0.05.
    np.testing.assert_allclose(shown[10:, :5], 0.5, atol=0.15)
    # For the other class it is the pixel that speaks the most against.
    against = _rise(_looks_at_one, image, [1], **arguments)[0]
    row, column = np.unravel_index(np.argmin(against), (14, 14))
    assert abs(row - 2) <= 1 and abs(column - 9) <= 1


def test_what_is_switched_off_is_what_one_asks_for():
    # Where the image and what replaces it are equal the probability is 0.9 throughout, and the map
    # is 0.9 times the masks' mean, divided by 0.5.
    image = tf.ones([1, 14, 14, 1])
    shown = _rise(_looks_at_one, image, [0], switched_off=image, num_samples=400)
    np.testing.assert_allclose(shown, 0.9, atol=0.22)
