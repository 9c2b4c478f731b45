import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.data import preprocessing

# What 0 and 255 become.
LINEAR = {
    "unit": (0, 1),
    "centered": (-0.5, 0.5),
    "symmetric": (-1, 1),
    "symmetric_128": (-127.5 / 128, 127.5 / 128),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unit", [0.0, 0.2, 1.0]),  # 51 = 255 / 5
        ("centered", [-0.5, -0.3, 0.5]),
        ("symmetric", [-1.0, -0.6, 1.0]),  # (51 - 127.5) / 127.5 = -76.5 / 127.5
        ("symmetric_128", [-0.99609375, -0.59765625, 0.99609375]),  # 127.5 / 128, 76.5 / 128
    ],
)
def test_scalings(name, expected):
    image = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    scaled = preprocessing.SCALINGS[name](image)
    assert scaled.dtype == tf.float32 and scaled.shape == image.shape
    np.testing.assert_allclose(tf.reshape(scaled, [-1]), expected, atol=1e-6)


@pytest.mark.parametrize("name", LINEAR)
def test_ends_are_exact_and_order_is_kept(name):
    scaled = preprocessing.SCALINGS[name](np.arange(256, dtype=np.uint8)).numpy()
    assert (scaled[0], scaled[-1]) == LINEAR[name]
    assert (np.diff(scaled) > 0).all()


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_exported_graph_scales_to_the_same_bits(name, jit_compile):
    scale = preprocessing.SCALINGS[name]
    image = tf.cast(tf.range(256), tf.uint8)
    np.testing.assert_array_equal(tf.function(scale, jit_compile=jit_compile)(image), scale(image))


def _images(count=8, shape=(6, 7, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def test_standardized_images_have_mean_0_and_variance_1():
    scaled = preprocessing.standardized(_images()).numpy()
    np.testing.assert_allclose(scaled.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.var(axis=(1, 2, 3)), 1, rtol=1e-5)


def test_contrast_is_normalised_over_all_values_of_an_image():
    images = _images()
    scaled = preprocessing.gcn(images).numpy()
    np.testing.assert_allclose(np.linalg.norm(scaled.reshape(8, -1), axis=1), 55, rtol=1e-6)
    np.testing.assert_allclose(scaled.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    # One mean for all channels: the ratio of two differences from it stays what it was.
    difference = images[0] - images[0].mean()
    np.testing.assert_allclose(
        scaled[0] / scaled[0, 0, 0, 0], difference / difference[0, 0, 0], 1e-5
    )


def test_an_image_of_one_colour_becomes_zero():
    # 200 x 200 x 3 times 251 is beyond the integers that float32 holds exactly.
    image = np.full((1, 200, 200, 3), 251, np.uint8)
    assert not preprocessing.gcn(image).numpy().any()
    assert np.abs(preprocessing.standardized(image)).max() < 0.1


@pytest.mark.parametrize("positions", [None, np.arange(2500)[::-1]])
def test_many_images_are_scaled_by_chunks(positions):
    images = _images(2500, (2, 2, 1))
    scaled = preprocessing.apply(preprocessing.centered, images, positions)
    expected = preprocessing.centered(images if positions is None else images[positions])
    np.testing.assert_array_equal(scaled, expected)


def test_no_images_are_scaled_to_none():
    empty = preprocessing.apply(preprocessing.unit, _images(), np.arange(0))
    assert empty.shape == (0, 6, 7, 3)


# U diag(...) U^T of the four images in `whitening_test`: pixels of variance 36 along (1, 1) and 4
# along (1, -1), in units of 1 / 255 by the middle two.
@pytest.mark.parametrize(
    ("name", "along", "across"),
    [
        ("zca_raw", 1 / 6 + 1e-6, 1 / 2 + 1e-6),
        ("zca_centered", 255 / 6 + 1e-6, 255 / 2 + 1e-6),
        ("zca_unit", (36 / 255**2 + 1e-5) ** -0.5, (4 / 255**2 + 1e-5) ** -0.5),
    ],
)
def test_each_whitening_has_its_own_root(name, along, across, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = np.array([[106, 106], [94, 94], [102, 98], [98, 102]], np.uint8).reshape(4, 1, 2, 1)
    scale = preprocessing.fit(name, images)
    unit = 1 if name == "zca_raw" else 1 / 255
    expected = [[6 * unit * along] * 2, [2 * unit * across, -2 * unit * across]]
    white = tf.reshape(scale(images), [4, 2])
    np.testing.assert_allclose(
        white,
        [expected[0], np.negative(expected[0]), expected[1], np.negative(expected[1])],
        rtol=1e-5,
    )


def test_ladders_whitening_follows_contrast_normalisation(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # Two pixels minus their mean, at norm 55, are 55 / sqrt(2) times (1, -1) or (-1, 1): variance
    # 55^2 along (1, -1), nothing across it, and the ridge of 0.1 keeps the root finite.
    images = np.array([[10, 30], [200, 5]], np.uint8).reshape(2, 1, 2, 1)
    white = tf.reshape(preprocessing.fit("zca_gcn", images)(images), [2, 2])
    size = 55 / 2**0.5 / (55**2 + 0.1) ** 0.5
    np.testing.assert_allclose(white, [[-size, size], [size, -size]], rtol=1e-5)


def test_pure_scalings_need_no_images():
    assert preprocessing.fit("unit", None) is preprocessing.unit


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unit, centered, .*, zca_gcn. Received: scaling='none'"):
        preprocessing.fit("none", _images())
