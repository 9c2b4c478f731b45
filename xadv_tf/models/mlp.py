"""Fully connected networks of the MNIST experiments."""

from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.models.checks import check_widths

SEMI_SUPERVISED_UNITS = (1200, 1200)
SUPERVISED_UNITS = (1200, 600, 300, 150)


def mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    *,
    hidden_units: Sequence[int] = SEMI_SUPERVISED_UNITS,
    batch_norm: bool = True,
    top_batch_norm: bool = False,
    input_noise: float = 0.0,
    input_dropout: float = 0.0,
    dropout_rate: float = 0.0,
    synchronized: bool = False,
    kernel_initializer: str = "normal_fan_in",
    seed: int | None = None,
    name: str = "mlp",
) -> Any:
    """Dense, batch normalisation, ReLU, for each of `hidden_units`; then a dense layer.

    Source: `MLPSemi` and `MLPSup` of the released xVAT code: no bias before a
    normaliser, which would subtract it again, and no affine part after it. With
    `batch_norm=False, hidden_units=(100, 100), kernel_initializer="he_uniform"` it
    is VAT's network for the two-moons data.

    Args:
        input_shape: shape of one example, any rank; it is flattened.
        num_classes: K, the number of logits.
        hidden_units: width of each hidden layer.
        batch_norm: normalise the hidden layers; without it they have a bias.
        top_batch_norm: normalise the logits as well; they then have no bias.
        input_noise: deviation of the Gaussian noise on the images in training.
        input_dropout: share of the image's values set to 0 in training, in [0, 1); the others are
            scaled up by as much.
        dropout_rate: share of the units of each hidden layer dropped, in [0, 1).
        synchronized: take batch statistics over all replicas.
        kernel_initializer: a key of `xadv_tf.initializers.INITIALIZERS`.
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, *input_shape] -> logits [batch, K] in float32.

    Raises:
        ValueError: if a width or `num_classes` is below 1.
    """
    check_widths(num_classes, hidden_units)
    seeds = initializers.layer_seeds(seed)

    def dense(units: int, **kwargs: Any) -> Any:
        initializer = initializers.get(kernel_initializer, next(seeds))
        return keras.layers.Dense(units, kernel_initializer=initializer, **kwargs)

    def normalize(**kwargs: Any) -> Any:
        return BatchNormalization(epsilon=1e-5, synchronized=synchronized, **kwargs)

    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.Flatten()(inputs)
    if input_noise > 0.0:
        x = keras.layers.GaussianNoise(input_noise, seed=next(seeds))(x)
    if input_dropout > 0.0:
        x = keras.layers.Dropout(input_dropout, seed=next(seeds))(x)
    for units in hidden_units:
        x = dense(units, use_bias=not batch_norm)(x)
        if batch_norm:
            x = normalize()(x)
        x = keras.layers.ReLU()(x)
        if dropout_rate > 0.0:
            x = keras.layers.Dropout(dropout_rate, seed=next(seeds))(x)
    # The divergences need float32 logits under every precision policy.
    logits = dense(num_classes, use_bias=not top_batch_norm, dtype="float32", name="logits")(x)
    if top_batch_norm:
        logits = normalize(dtype="float32", name="top_batch_norm")(logits)
    return keras.Model(inputs, logits, name=name)


def mlp_supervised(*args: Any, name: str = "mlp_supervised", **kwargs: Any) -> Any:
    """The deeper MLP of the supervised MNIST experiments; arguments of `mlp`."""
    return mlp(*args, hidden_units=SUPERVISED_UNITS, name=name, **kwargs)
