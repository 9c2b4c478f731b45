"""The generators of CatGAN as other implementations have them: the paper's code is not public."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.models.catgan_blocks import dense, normalized
from xadv_tf.models.pixel_ranges import into_range


def catgan_mlp_generator(
    image_shape: tuple[int, ...] = (28, 28, 1),
    *,
    pixel_range: str = "unit",
    latent: int = 128,
    hidden_units: Sequence[int] = (500, 500, 1000),
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "catgan_mlp_generator",
) -> Any:
    """128-500-500-1000-784 for MNIST, batch normalisation and leaky ReLU of slope 0.1.

    Args:
        image_shape: shape of one image, any rank.
        pixel_range: see `pixel_ranges.into_range`.
        latent: size of the input.
        hidden_units: width of each hidden layer.
        synchronized: take batch statistics over all replicas.
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, latent] -> [batch, *image_shape] in float32.

    Raises:
        ValueError: for an unknown pixel_range.
    """
    seeds = initializers.layer_seeds(seed)
    x = inputs = keras.Input((latent,), name="latent")
    for units in hidden_units:
        x = normalized(dense(units, next(seeds))(x), synchronized)
    kernel = initializers.get("lecun_uniform", next(seeds))
    x = keras.layers.Dense(math.prod(image_shape), kernel_initializer=kernel, dtype="float32")(x)
    x = keras.layers.Reshape(image_shape, dtype="float32")(x)
    return keras.Model(inputs, into_range(x, pixel_range), name=name)


def catgan_conv_generator(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    *,
    pixel_range: str = "symmetric",
    latent: int = 128,
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "catgan_conv_generator",
) -> Any:
    """Dense 8x8x192, two 5x5-96 convolutions of images widened twofold with zeros, 5x5-3.

    A transposed convolution of stride 2 is that widening and convolution. Arguments as for
    `catgan_mlp_generator`.

    Raises:
        ValueError: for sides that are no multiples of 4, or an unknown pixel_range.
    """
    height, width, channels = image_shape
    if height % 4 or width % 4:
        raise ValueError(
            "catgan_conv_generator makes images whose sides are multiples of 4. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    seeds = initializers.layer_seeds(seed)
    inputs = keras.Input((latent,), name="latent")
    x = normalized(dense(height // 4 * (width // 4) * 192, next(seeds))(inputs), synchronized)
    x = keras.layers.Reshape((height // 4, width // 4, 192))(x)
    for _ in range(2):
        settings = {"kernel_initializer": initializers.get("lecun_uniform", next(seeds))}
        x = keras.layers.Conv2DTranspose(
            96, 5, strides=2, padding="same", use_bias=False, **settings
        )(x)
        x = normalized(x, synchronized)
    kernel = initializers.get("lecun_uniform", next(seeds))
    x = keras.layers.Conv2D(
        channels, 5, padding="same", kernel_initializer=kernel, dtype="float32"
    )(x)
    return keras.Model(inputs, into_range(x, pixel_range), name=name)
