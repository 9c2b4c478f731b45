"""From bytes to the numbers a network sees.

TensorFlow operations only, so the same function scales the training arrays and stands in front of
an exported model. The linear ones subtract exactly and then multiply once: a division, or a product
before a sum, is rounded differently in eager mode, in a graph and under XLA.

| name | what it does | used by |
|---|---|---|
| unit | [0, 1] | VAT (Theano), Ladder and FM-GAN on MNIST |
| centered | v / 255 - 0.5 | xVAT on MNIST; xVAT and VAT on SVHN |
| symmetric | (v - 127.5) / 127.5 | FM-GAN on SVHN |
| symmetric_128 | (v - 127.5) / 128 | FM-GAN on CIFAR |
| standardized | per image: mean 0, variance 1 | Pi, TE and MT on SVHN |
| gcn | per image: mean 0, L2 norm 55 | |
| zca_raw | ZCA of v, unregularised | xVAT on CIFAR |
| zca_centered | ZCA of v / 255 - 0.5, unregularised | VAT on CIFAR |
| zca_unit | ZCA of v / 255, ridge 1e-5 | Pi and TE on CIFAR |
| zca_gcn | ZCA of gcn, ridge 0.1 | Ladder and MT on CIFAR |

The last four are fitted to the training images, all of them, as the originals do.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data import whitening

Scaling = Callable[[Any], tf.Tensor]

# Images at a time: bounds the memory that scaling needs besides its result.
_CHUNK = 1000
_GCN_NORM = 55.0


def unit(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [0, 1]."""
    return raw(image) * (1 / 255)


def centered(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [-0.5, 0.5]: v / 255 - 0.5."""
    return (raw(image) - 127.5) * (1 / 255)


def symmetric(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in [-1, 1]."""
    return (raw(image) - 127.5) * (1 / 127.5)


def symmetric_128(image: Any) -> tf.Tensor:
    """Uint8 of any shape -> float32 in (-1, 1): (v - 127.5) / 128."""
    return (raw(image) - 127.5) * (1 / 128)


def raw(image: Any) -> tf.Tensor:
    """The same values as float32."""
    return tf.cast(image, tf.float32)


def standardized(image: Any) -> tf.Tensor:
    """[..., height, width, channels] -> float32, each image of mean 0 and variance 1."""
    return tf.image.per_image_standardization(raw(image))


def gcn(image: Any) -> tf.Tensor:
    """[..., height, width, channels] -> float32, each image of mean 0 and L2 norm 55.

    Global contrast normalisation over all values of an image; an image of one colour becomes 0.
    """
    # In float64 the mean of equal bytes is exact, and no rounding noise is blown up to norm 55.
    image = tf.cast(image, tf.float64)
    image -= tf.reduce_mean(image, axis=[-3, -2, -1], keepdims=True)
    square = tf.reduce_sum(tf.square(image), axis=[-3, -2, -1], keepdims=True)
    return tf.cast(tf.math.divide_no_nan(_GCN_NORM * image, tf.sqrt(square)), tf.float32)


class _Whitened(NamedTuple):
    """Arguments of `whitening.fit`."""

    before: Scaling
    ridge: float = 0.0
    offset: float = 0.0


SCALINGS: dict[str, Scaling] = {
    function.__name__: function
    for function in (unit, centered, symmetric, symmetric_128, standardized, gcn)
}
# xVAT and VAT add 1e-6 after the inverse root, the others inside it.
_WHITENED: dict[str, _Whitened] = {
    "zca_raw": _Whitened(raw, offset=1e-6),
    "zca_centered": _Whitened(centered, offset=1e-6),
    "zca_unit": _Whitened(unit, ridge=1e-5),
    "zca_gcn": _Whitened(gcn, ridge=0.1),
}


def check(name: str) -> None:
    """Raises ValueError if there is no scaling of that name."""
    known = (*SCALINGS, *_WHITENED)
    if name not in known:
        raise ValueError(f"scaling must be one of {', '.join(known)}. Received: scaling={name!r}")


def fit(name: str, train_images: Any) -> Scaling:
    """The scaling of that name, fitted to the training images if there is anything to fit.

    Args:
        name: see the table above.
        train_images: [examples, height, width, channels], values 0 to 255; an array or whatever
            gives arrays when sliced.

    Returns:
        Values 0 to 255 [batch, height, width, channels], uint8 or floats, -> float32, same shape;
        for a fitted one a tf.Module.

    Raises:
        ValueError: no such scaling, or it does not fit these images.
    """
    check(name)
    if name in SCALINGS:
        return SCALINGS[name]
    recipe = _WHITENED[name]
    return whitening.fit(train_images, recipe.before, ridge=recipe.ridge, offset=recipe.offset)


def apply(scale: Scaling, images: Any, positions: Any = None) -> npt.NDArray[np.float32]:
    """Scales many images, a chunk at a time.

    Args:
        scale: see `fit`.
        images: [examples, height, width, channels].
        positions: which of them, integers [n]; None means all.

    Returns:
        [n, height, width, channels].
    """
    count = len(images) if positions is None else len(positions)
    scaled = np.empty((count, *images.shape[1:]), np.float32)
    for start in range(0, count, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, count))
        scaled[chunk] = scale(images[chunk if positions is None else positions[chunk]])
    return scaled
