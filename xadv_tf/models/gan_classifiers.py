"""The classifiers of the feature-matching GAN: weight-normalised, with noise in every layer."""

from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.weight_normalization import WeightNormConv2D, WeightNormDense
from xadv_tf.models.checks import check_size, check_widths

HIDDEN_UNITS = (1000, 500, 250, 250, 250)
_MIN_SIZE = 9  # halved twice, rounding up, it leaves the 3x3 valid convolution its window


def gan_mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    *,
    hidden_units: Sequence[int] = HIDDEN_UNITS,
    input_noise: float = 0.3,
    hidden_noise: float = 0.5,
    seed: int | None = None,
    name: str = "gan_mlp",
) -> Any:
    """784-1000-500-250-250-250-10 with ReLU and Gaussian noise, for MNIST.

    Source: the released code of Salimans et al. 2016. Each layer has weight normalisation, its
    scale set from data at the start and trained in the last layer alone.

    Args:
        input_shape: shape of one example, any rank; it is flattened.
        num_classes: K, the number of logits.
        hidden_units: width of each hidden layer.
        input_noise: deviation of the noise on the images in training.
        hidden_noise: that of the noise before each later layer.
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, *input_shape] -> logits [batch, K] in float32.

    Raises:
        ValueError: if a width or `num_classes` is below 1.
    """
    check_widths(num_classes, hidden_units)
    seeds = initializers.layer_seeds(seed)
    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.Flatten()(inputs)
    noise = input_noise
    for units in hidden_units:
        x = keras.layers.GaussianNoise(noise, seed=next(seeds))(x)
        x = _dense(units, next(seeds))(x)
        x = keras.layers.ReLU()(x)
        noise = hidden_noise
    x = keras.layers.GaussianNoise(noise, seed=next(seeds))(x)
    return keras.Model(inputs, _logits(num_classes, next(seeds))(x), name=name)


def gan_conv(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    filters: tuple[int, int] = (96, 192),
    input_dropout: float = 0.2,
    dropout_rate: float = 0.5,
    seed: int | None = None,
    name: str = "gan_conv",
) -> Any:
    """Nine convolutions with leaky ReLU of slope 0.2, for CIFAR-10.

    Dropout, 3x3-96 three times, the third with stride 2, dropout, 3x3-192 three times, the third
    with stride 2, dropout, 3x3-192 without padding, 1x1-192 twice, global average, dense. Source
    and weight normalisation: as for `gan_mlp`; the logits start with a deviation of 0.1.

    Args:
        input_shape: [height, width, channels], at least 9 x 9.
        num_classes: K, the number of logits.
        filters: of the first three convolutions and of the others.
        input_dropout: share of the values of an image dropped, in [0, 1).
        dropout_rate: share of units dropped after each stride, in [0, 1).
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in float32.

    Raises:
        ValueError: if the images are too small.
    """
    check_size("gan_conv", input_shape, _MIN_SIZE)
    seeds = initializers.layer_seeds(seed)

    def convolve(x: Any, units: int, size: int = 3, **kwargs: Any) -> Any:
        x = WeightNormConv2D(
            units,
            size,
            mean_only_batch_norm=False,
            train_scale=False,
            seed=next(seeds),
            **{"padding": "same", **kwargs},
        )(x)
        return keras.layers.LeakyReLU(negative_slope=0.2)(x)

    inputs = keras.Input(input_shape, name="image")
    x = inputs
    rate = input_dropout
    for units in filters:
        x = keras.layers.Dropout(rate, seed=next(seeds))(x)
        for _ in range(2):
            x = convolve(x, units)
        # On even sides "same" would pad one side only, the published padding of 1 does both.
        x = convolve(keras.layers.ZeroPadding2D(1)(x), units, strides=2, padding="valid")
        rate = dropout_rate
    x = keras.layers.Dropout(rate, seed=next(seeds))(x)
    x = convolve(x, filters[1], padding="valid")
    for _ in range(2):
        x = convolve(x, filters[1], 1)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    logits = _logits(num_classes, next(seeds), initial_stddev=0.1)(x)
    return keras.Model(inputs, logits, name=name)


def gan_conv_svhn(*args: Any, name: str = "gan_conv_svhn", **kwargs: Any) -> Any:
    """`gan_conv` with 64 and 128 filters, for SVHN; its arguments."""
    return gan_conv(*args, name=name, **{"filters": (64, 128), **kwargs})


def _dense(units: int, seed: int | None, **kwargs: Any) -> Any:
    settings = {"mean_only_batch_norm": False, "train_scale": False, **kwargs}
    return WeightNormDense(units, seed=seed, **settings)


def _logits(num_classes: int, seed: int | None, **kwargs: Any) -> Any:
    # The divergences need float32 logits under every precision policy.
    return _dense(num_classes, seed, train_scale=True, dtype="float32", name="logits", **kwargs)
