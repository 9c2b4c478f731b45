import keras
import numpy as np
import pytest

from xadv_tf.models import pixel_ranges


@pytest.mark.parametrize(
    ("pixel_range", "expected"),
    [
        # 0.5, 0.75 and 0.25 are the sigmoids of 0, ln 3 and -ln 3; their tanh are 0, 0.8 and -0.8.
        ("unit", [0.5, 0.75, 0.25]),
        ("centered", [0.0, 0.25, -0.25]),
        ("symmetric", [0.0, 0.8, -0.8]),
        ("unbounded", [0.0, np.log(3), -np.log(3)]),
    ],
)
def test_pixels_in_their_range(pixel_range, expected):
    inputs = keras.Input((3,), dtype="bfloat16")
    outputs = pixel_ranges.into_range(inputs, pixel_range)
    assert outputs.dtype == "float32"
    inputs = keras.Input((3,))
    model = keras.Model(inputs, pixel_ranges.into_range(inputs, pixel_range))
    values = np.log(np.array([[1, 3, 1 / 3]], np.float32))
    np.testing.assert_allclose(model(values)[0], expected, atol=1e-6)


def test_an_unknown_range():
    with pytest.raises(ValueError, match="one of unit, .*, unbounded. Received: pixel_range='ten'"):
        pixel_ranges.into_range(keras.Input((3,)), "ten")
