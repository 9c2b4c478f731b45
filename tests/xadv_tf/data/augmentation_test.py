import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import noise
from xadv_tf.data.augmentation import random_crop, random_flip


def _image(batch, height=6, width=7, channels=2):
    # Every pixel of every image has a value of its own.
    size = batch * height * width * channels
    return np.arange(size, dtype=np.float32).reshape(batch, height, width, channels)


def _windows(image, low, high):
    """Every crop of one image, as NumPy's reflecting pad gives it, keyed by its shift."""
    pad = max(-low, high)
    padded = np.pad(image, [(pad, pad), (pad, pad), (0, 0)], mode="reflect")
    height, width, _ = image.shape
    shifts = range(low, high + 1)
    return {
        (y, x): padded[pad + y : pad + y + height, pad + x : pad + x + width]
        for y in shifts
        for x in shifts
    }


@pytest.mark.parametrize("offsets", [(-2, 2), (-2, 1)])
def test_each_crop_is_a_window_of_the_reflected_image_and_all_shifts_occur(offsets):
    # 1,500 images over 25 (or 16) shifts: 60 each; the chance that one is missing is below 1e-25.
    # No count strays more than five standard deviations, sqrt(60) = 7.7 (or 9.7 of 94).
    image = np.repeat(_image(1), 1500, axis=0)
    windows = _windows(image[0], *offsets)
    crops = random_crop(image, noise.seed_pair(1, "crop", 0, 0), offsets=offsets).numpy()
    counts = dict.fromkeys(windows, 0)
    for crop in crops:
        matches = [shift for shift, window in windows.items() if np.array_equal(crop, window)]
        assert len(matches) == 1
        counts[matches[0]] += 1
    expected = 1500 / len(windows)
    assert max(abs(count - expected) for count in counts.values()) < 5 * expected**0.5


def test_flips_half_of_the_images():
    image = _image(1000)
    flipped = random_flip(image, noise.seed_pair(1, "flip", 0, 0)).numpy()
    same = (flipped == image).all(axis=(1, 2, 3))
    mirrored = (flipped == image[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(same.sum() - 500) < 5 * 1000**0.5 / 2  # Five standard deviations.


def test_the_seed_decides_with_and_without_xla():
    image = _image(16)

    def augment(step):
        crop = random_crop(image, noise.seed_pair(1, "crop", step, 0))
        return random_flip(crop, noise.seed_pair(1, "flip", step, 0))

    compiled = tf.function(augment, jit_compile=True)
    np.testing.assert_array_equal(augment(tf.constant(3)), augment(tf.constant(3)))
    np.testing.assert_array_equal(augment(tf.constant(3)), compiled(tf.constant(3)))
    assert not np.array_equal(augment(tf.constant(3)), augment(tf.constant(4)))


def test_no_shift_leaves_the_image():
    image = _image(3)
    crop = random_crop(image, noise.seed_pair(1, "crop", 0, 0), offsets=(0, 0))
    np.testing.assert_array_equal(crop, image)


@pytest.mark.parametrize("offsets", [(2, -2), (-6, 2), (-2, 6)])
def test_offsets_must_fit(offsets):
    with pytest.raises(ValueError, match=r"smaller than the image \(6 x 7\)\. Received: offsets="):
        random_crop(_image(1), noise.seed_pair(1, "crop", 0, 0), offsets=offsets)
