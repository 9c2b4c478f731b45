"""The generators of the feature-matching GAN: batch-normalised but for the last layer."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.weight_normalization import WeightNormConv2DTranspose, WeightNormDense
from xadv_tf.models.pixel_ranges import into_range


def gan_mlp_generator(
    image_shape: tuple[int, ...] = (28, 28, 1),
    *,
    pixel_range: str = "unit",
    latent: int = 100,
    hidden_units: Sequence[int] = (500, 500),
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "gan_mlp_generator",
) -> Any:
    """100-500-500-784 for MNIST, batch normalisation that shifts only, softplus.

    Source: the released code of Salimans et al. 2016. The last layer has weight normalisation.

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
        x = _dense(units, next(seeds))(x)
        x = keras.layers.Activation("softplus")(_normalize(synchronized)(x))
    x = WeightNormDense(
        math.prod(image_shape),
        mean_only_batch_norm=False,
        initial_stddev=None,
        seed=next(seeds),
        dtype="float32",
    )(x)
    x = keras.layers.Reshape(image_shape, dtype="float32")(x)
    return keras.Model(inputs, into_range(x, pixel_range), name=name)


def gan_conv_generator(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    *,
    pixel_range: str = "symmetric",
    latent: int = 100,
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "gan_conv_generator",
) -> Any:
    """Dense 4x4x512, transposed 5x5 convolutions of stride 2 to 256, 128 and 3, for CIFAR and SVHN.

    Batch normalisation that shifts only and ReLU after all but the last, which has weight
    normalisation and starts with a deviation of 0.1. Source and arguments: as for
    `gan_mlp_generator`. The released code crops the upsampled images by two pixels on one side and
    one on the other, TensorFlow the other way around, so that images lie a pixel apart.

    Raises:
        ValueError: for sides that are no multiples of 8, or an unknown pixel_range.
    """
    height, width, channels = image_shape
    if height % 8 or width % 8:
        raise ValueError(
            "gan_conv_generator makes images whose sides are multiples of 8. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    seeds = initializers.layer_seeds(seed)
    inputs = keras.Input((latent,), name="latent")
    x = _dense(height // 8 * (width // 8) * 512, next(seeds))(inputs)
    x = keras.layers.ReLU()(_normalize(synchronized)(x))
    x = keras.layers.Reshape((height // 8, width // 8, 512))(x)
    for filters in (256, 128):
        x = keras.layers.Conv2DTranspose(
            filters,
            5,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=_normal(next(seeds)),
        )(x)
        x = keras.layers.ReLU()(_normalize(synchronized)(x))
    x = WeightNormConv2DTranspose(
        channels,
        5,
        strides=2,
        padding="same",
        mean_only_batch_norm=False,
        initial_stddev=0.1,
        seed=next(seeds),
        dtype="float32",
    )(x)
    return keras.Model(inputs, into_range(x, pixel_range), name=name)


def _dense(units: int, seed: int | None) -> Any:
    return keras.layers.Dense(units, use_bias=False, kernel_initializer=_normal(seed))


def _normal(seed: int | None) -> Any:
    return keras.initializers.RandomNormal(0.0, 0.05, seed=seed)


def _normalize(synchronized: bool) -> Any:
    return keras.layers.BatchNormalization(scale=False, epsilon=1e-6, synchronized=synchronized)
