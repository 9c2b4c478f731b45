import zlib

import numpy as np
import pytest

from xadv_tf.data import digits as digits_source


@pytest.fixture(scope="module")
def digits():
    return digits_source.load()


def test_digits_are_4000_and_1000_balanced_images(digits):
    assert digits.train_images.shape == (4000, 28, 28, 1)
    assert digits.test_images.shape == (1000, 28, 28, 1)
    assert digits.image_shape == (28, 28, 1) and digits.num_classes == 10
    assert digits.train_images.dtype == np.uint8 and digits.train_labels.dtype == np.int32
    assert digits.train_images.max() == 255
    np.testing.assert_array_equal(np.bincount(digits.train_labels), np.full(10, 400))
    np.testing.assert_array_equal(np.bincount(digits.test_labels), np.full(10, 100))


def test_no_digit_is_in_both_parts(digits):
    # All 5,000 images of the package differ, so one missing or doubled would show in the count.
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(5000, -1)
    assert len(np.unique(images, axis=0)) == 5000


def test_the_digits_test_set_never_changes(digits):
    # Recorded from the first run of this code: published numbers depend on these 1,000 images.
    assert zlib.crc32(digits.test_images.tobytes()) == 3622483471
