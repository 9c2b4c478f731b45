"""What a pixel becomes when it is switched off: three ways, for each changes what is measured."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from trainers.run.split_data import Data
from xadv_tf import masks

Images = np.ndarray
# The names are those of --fill, which says what the masks of a run show.
WORDS = {
    "zero": "0 of the scaled image",
    "black": "black",
    "blurred": "the image blurred",
}


def images(image: Images, data: Data) -> Mapping[str, Images]:
    """The images with all pixels switched off, by the name of the way.

    Args:
        image: scaled, float32 [images, height, width, channels].
        data: how they were scaled.

    Returns:
        Shape of `image` each; without black where the scaling makes black 0.
    """
    ways: Mapping[str, Callable[[], Images]] = {
        "zero": lambda: np.zeros_like(image),
        "black": lambda: np.broadcast_to(_black(data), image.shape).astype(np.float32),
        "blurred": lambda: masks.blur(tf.constant(image)).numpy(),
    }
    made = {name: make() for name, make in ways.items()}
    if np.array_equal(made["zero"], made["black"]):
        del made["black"]
    return made


def _black(data: Data) -> Images:
    black = np.zeros((1, *data.dataset.image_shape), np.uint8)
    return np.asarray(data.preprocess(black))
