"""What all networks of CatGAN are built of."""

from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.batch_normalization import BatchNormalization

_SLOPE = 0.1


def dense(units: int, seed: int | None) -> Any:
    """A dense layer without a bias, for `normalized` to follow."""
    kernel = initializers.get("he_normal", seed)
    return keras.layers.Dense(units, use_bias=False, kernel_initializer=kernel)


def normalized(x: Any, synchronized: bool) -> Any:
    """Batch normalisation and leaky ReLU of slope 0.1; same shape as x, symbolic.

    Args:
        x: output of a layer without a bias.
        synchronized: take batch statistics over all replicas.
    """
    x = BatchNormalization(epsilon=1e-5, affine=True, synchronized=synchronized)(x)
    return keras.layers.LeakyReLU(negative_slope=_SLOPE)(x)
