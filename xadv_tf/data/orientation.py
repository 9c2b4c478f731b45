"""Which way up an image is: TensorFlow decodes pixels and does not look at EXIF data."""

from typing import Any

import numpy.typing as npt
import PIL.Image

_ORIENTATION = 0x0112  # The tag's number (Exif 2.32, 4.6.4).
# What stands before the data in a JPEG and in a PNG; most files have none.
_MARKS = (b"Exif\x00\x00", b"eXIf")
_MOST_BYTES = 2**16  # of EXIF data in a JPEG


def upright(image: npt.NDArray[Any], encoded: bytes) -> npt.NDArray[Any]:
    """An image as its EXIF data says that it is to be looked at.

    Args:
        image: [height, width, channels], decoded without regard to EXIF.
        encoded: the file that it was decoded from.

    Returns:
        [height, width, channels] or, for an image on its side, [width, height, channels]; `image`
        itself where the file does not say, or says it in a way that cannot be read.
    """
    value = _orientation(encoded)
    # Where the stored image's first row and column are in the scene.
    if value in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if value in (3, 4, 7, 8):
        image = image[::-1]
    if value in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def _orientation(encoded: bytes) -> int:
    for mark in _MARKS:
        start = encoded.find(mark)
        if start < 0:
            continue
        start += len(mark)
        exif = PIL.Image.Exif()
        try:
            exif.load(encoded[start : start + _MOST_BYTES])
            return int(exif.get(_ORIENTATION, 1))
        except Exception:
            return 1  # Whatever a damaged note ends in: the pixels are there.
    return 1
