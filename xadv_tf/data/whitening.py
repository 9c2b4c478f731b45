"""ZCA whitening: the rotation-free linear map after which pixels are uncorrelated.

With the covariance S = U diag(s) U^T of the flattened training images (divided by their number) it
multiplies x - mean by W = U diag(1 / sqrt(s + ridge) + offset) U^T. All of it is fitted and applied
in float64: a float32 covariance is 20 % wrong at the smallest eigenvalue of natural images, and the
product would be worse still in the TensorFloat-32 of a GPU.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data import cache
from xadv_tf.data.digests import digest
from xadv_tf.data.errors import DataError

# Images at a time: bounds the memory, whatever the size of the training set.
_CHUNK = 2000
# The covariance of 64 x 64 coloured images takes 1.2 GB and, on a few cores, most of an hour.
_MAX_SIZE = 64 * 64 * 3
# Part of the keys in the cache: raise it when new code gives another matrix for the same arguments.
_EDITION = 1


class Whitening(tf.Module):
    """A fitted whitening; a module, so that an exported model contains its variables.

    Args:
        before: scales the images first, TensorFlow operations; its name is part of what is fitted.
        mean: float64 [height * width * channels], of scaled training images.
        matrix: [height * width * channels] squared, symmetric.
    """

    def __init__(
        self, before: Callable[[Any], tf.Tensor], *, mean: npt.ArrayLike, matrix: npt.ArrayLike
    ) -> None:
        super().__init__(name="whitening")
        self.before = before
        self.mean = tf.Variable(mean, trainable=False, dtype=tf.float64, name="mean")
        # Rounding the matrix once to float32 costs no more than rounding the result does, and
        # halves the model that contains it.
        self.matrix = tf.Variable(matrix, trainable=False, dtype=tf.float32, name="matrix")

    def __call__(self, image: Any) -> tf.Tensor:
        """Pixels [batch, height, width, channels], 0 to 255 -> float32, same shape."""
        scaled = self.before(image)
        flat = tf.reshape(tf.cast(scaled, tf.float64), [-1, self.mean.shape[0]]) - self.mean
        white = tf.matmul(flat, tf.cast(self.matrix, tf.float64))
        return tf.cast(tf.reshape(white, [-1, *scaled.shape[1:]]), tf.float32)


def fit(
    train_images: Any,
    before: Callable[[Any], tf.Tensor],
    *,
    ridge: float = 0.0,
    offset: float = 0.0,
) -> Whitening:
    """Fits a whitening to all training images, once for the same images: see `cache`.

    Args:
        train_images: [examples, height, width, channels], values 0 to 255, an array or whatever
            gives arrays when sliced.
        before: scales images before they are whitened.
        ridge: added to every eigenvalue of the covariance, in squared units of what `before`
            returns.
        offset: added to every eigenvalue's inverse root.

    Raises:
        DataError: the images are too large, or pixels are linearly dependent and ridge is 0.
    """
    size = int(np.prod(train_images.shape[1:]))
    if size > _MAX_SIZE:
        raise DataError(
            f"ZCA whitening takes images of up to {_MAX_SIZE} values; choose another scaling. "
            f"Received: images of shape {train_images.shape[1:]}"
        )
    recipe = (_EDITION, before.__name__, ridge, offset, digest(train_images))
    key = "zca-" + hashlib.sha256(repr(recipe).encode()).hexdigest()
    return Whitening(before, **cache.arrays(key, lambda: _fit(train_images, before, ridge, offset)))


def _fit(
    train_images: Any, before: Callable[[Any], tf.Tensor], ridge: float, offset: float
) -> dict[str, npt.NDArray[Any]]:
    count, size = len(train_images), int(np.prod(train_images.shape[1:]))

    def chunks() -> Any:
        for start in range(0, count, _CHUNK):
            scaled = before(train_images[start : start + _CHUNK]).numpy()
            yield scaled.reshape(-1, size).astype(np.float64)

    mean = sum(chunk.sum(axis=0) for chunk in chunks()) / count
    covariance = np.zeros((size, size))
    for chunk in chunks():
        chunk -= mean
        covariance += chunk.T @ chunk
    values, vectors = np.linalg.eigh(covariance / count)
    values += ridge
    # Below this an eigenvalue is rounding noise, and its inverse root means nothing.
    if values[0] <= values[-1] * size * np.finfo(np.float64).eps:
        raise DataError(
            "ZCA whitening without a ridge needs training images whose pixels vary independently; "
            "choose a scaling with a ridge, zca_unit or zca_gcn. Received: eigenvalues of the "
            f"covariance from {values[0]:.1e} to {values[-1]:.1e}"
        )
    matrix = (vectors * (1 / np.sqrt(values) + offset)) @ vectors.T
    return {"mean": mean, "matrix": matrix.astype(np.float32)}
