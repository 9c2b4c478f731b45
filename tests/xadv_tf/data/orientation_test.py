import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from xadv_tf.data import orientation

IMAGE = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3, 1)


def _encoded(value, file_format):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    file = io.BytesIO()
    PIL.Image.fromarray(IMAGE[..., 0]).save(file, file_format, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Exif 2.32, 4.6.4: which sides of the scene the first row and the first column are.
        (1, [[0, 1, 2], [3, 4, 5]]),  # top, left
        (2, [[2, 1, 0], [5, 4, 3]]),  # top, right
        (3, [[5, 4, 3], [2, 1, 0]]),  # bottom, right
        (4, [[3, 4, 5], [0, 1, 2]]),  # bottom, left
        (5, [[0, 3], [1, 4], [2, 5]]),  # left, top
        (6, [[3, 0], [4, 1], [5, 2]]),  # right, top
        (7, [[5, 2], [4, 1], [3, 0]]),  # right, bottom
        (8, [[2, 5], [1, 4], [0, 3]]),  # left, bottom
        (9, [[0, 1, 2], [3, 4, 5]]),  # reserved
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_each_orientation(value, expected, file_format):
    turned = orientation.upright(IMAGE, _encoded(value, file_format))
    np.testing.assert_array_equal(turned[..., 0], expected)


def test_files_that_say_nothing_or_nonsense():
    file = io.BytesIO()
    PIL.Image.fromarray(IMAGE[..., 0]).save(file, "PNG")
    damaged = _encoded(6, "JPEG").replace(b"Exif\x00\x00MM", b"Exif\x00\x00XX")
    for encoded in (b"", file.getvalue(), b"Exif\x00\x00", damaged):
        assert orientation.upright(IMAGE, encoded) is IMAGE
