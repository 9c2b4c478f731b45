import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.data import preprocessing


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unit", [0.0, 0.2, 1.0]),  # 51 = 255 / 5
        ("centered", [-0.5, -0.3, 0.5]),
        ("symmetric", [-1.0, -0.6, 1.0]),  # (51 - 127.5) / 127.5 = -76.5 / 127.5
    ],
)
def test_scalings(name, expected):
    image = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    scaled = preprocessing.get(name)(image)
    assert scaled.dtype == tf.float32 and scaled.shape == image.shape
    np.testing.assert_allclose(tf.reshape(scaled, [-1]), expected, atol=1e-6)


@pytest.mark.parametrize("name", preprocessing.SCALINGS)
def test_ends_are_exact_and_order_is_kept(name):
    scaled = preprocessing.get(name)(np.arange(256, dtype=np.uint8)).numpy()
    low, high = {"unit": (0, 1), "centered": (-0.5, 0.5), "symmetric": (-1, 1)}[name]
    assert scaled[0] == low and scaled[-1] == high
    assert (np.diff(scaled) > 0).all()


@pytest.mark.parametrize("name", preprocessing.SCALINGS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_exported_graph_scales_to_the_same_bits(name, jit_compile):
    scale = preprocessing.get(name)
    image = tf.cast(tf.range(256), tf.uint8)
    np.testing.assert_array_equal(tf.function(scale, jit_compile=jit_compile)(image), scale(image))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="centered, symmetric, unit. Received: 'raw'"):
        preprocessing.get("raw")
