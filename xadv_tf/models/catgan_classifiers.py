"""The classifiers of CatGAN as other implementations have them: the paper's code is not public."""

from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.models.catgan_blocks import dense, normalized
from xadv_tf.models.checks import check_size, check_widths

_MIN_SIZE = 12  # halved twice it leaves the 3x3 valid convolution its window


def catgan_mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    *,
    hidden_units: Sequence[int] = (1000, 500, 250, 250, 250),
    input_noise: float = 0.3,
    hidden_noise: float = 0.3,
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "catgan_mlp",
) -> Any:
    """784-1000-500-250-250-250-10 for MNIST, batch normalisation and leaky ReLU of slope 0.1.

    Args:
        input_shape: shape of one example, any rank; it is flattened.
        num_classes: K, the number of logits.
        hidden_units: width of each hidden layer.
        input_noise: deviation of the Gaussian noise on the images in training.
        hidden_noise: that of the noise before each later layer.
        synchronized: take batch statistics over all replicas.
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
        x = normalized(dense(units, next(seeds))(x), synchronized)
        noise = hidden_noise
    x = keras.layers.GaussianNoise(noise, seed=next(seeds))(x)
    # The divergences need float32 logits under every precision policy.
    kernel = initializers.get("he_normal", next(seeds))
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=kernel, dtype="float32", name="logits"
    )(x)
    return keras.Model(inputs, logits, name=name)


def catgan_conv(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    filters: tuple[int, int] = (96, 192),
    input_noise: float = 0.3,
    hidden_noise: float = 0.3,
    synchronized: bool = False,
    seed: int | None = None,
    name: str = "catgan_conv",
) -> Any:
    """3x3-96 three times, pool, 3x3-192 three times, pool, 3x3-192, 1x1-192, 1x1-K, global mean.

    Batch normalisation and leaky ReLU of slope 0.1; noise on the images and after each pool.

    Args:
        input_shape: [height, width, channels], at least 12 x 12.
        num_classes: K, the number of logits.
        filters: of the first three convolutions and of the others.
        input_noise: deviation of the Gaussian noise on the images in training.
        hidden_noise: that of the noise after each pool.
        synchronized: take batch statistics over all replicas.
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in float32.

    Raises:
        ValueError: if the images are too small.
    """
    check_size("catgan_conv", input_shape, _MIN_SIZE)
    seeds = initializers.layer_seeds(seed)

    def convolve(x: Any, units: int, size: int, padding: str = "same", **kwargs: Any) -> Any:
        kernel = initializers.get("he_normal", next(seeds))
        settings = {"padding": padding, "kernel_initializer": kernel, "use_bias": False, **kwargs}
        return keras.layers.Conv2D(units, size, **settings)(x)

    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.GaussianNoise(input_noise, seed=next(seeds))(inputs)
    for units in filters:
        for _ in range(3):
            x = normalized(convolve(x, units, 3), synchronized)
        x = MaxPooling2D(2)(x)
        x = keras.layers.GaussianNoise(hidden_noise, seed=next(seeds))(x)
    x = normalized(convolve(x, filters[1], 3, "valid"), synchronized)
    x = normalized(convolve(x, filters[1], 1), synchronized)
    x = convolve(x, num_classes, 1, use_bias=True, dtype="float32")
    logits = keras.layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name=name)
