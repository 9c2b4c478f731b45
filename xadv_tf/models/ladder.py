"""The encoders of the ladder networks: chains of normalised stages, as `Ladder` takes them."""

from collections.abc import Sequence
from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.layers.normalized_stage import NormalizedStage
from xadv_tf.models.checks import check_size, check_widths

HIDDEN_UNITS = (1000, 500, 250, 250, 250)
# (filters, kernel size, padding) of each convolution; a pool follows the first two groups, and one
# more convolution the last, with as many filters as there are classes.
_GROUPS = (
    ((96, 3, "valid"), (96, 3, "full"), (96, 3, "full")),
    ((192, 3, "valid"), (192, 3, "full"), (192, 3, "valid")),
    ((192, 3, "valid"), (192, 1, "valid")),
)
_MIN_SIZE = 11  # 11 + 2, halved to 7, 7 - 2, halved to 3: the window of the last 3x3


def ladder_mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    *,
    hidden_units: Sequence[int] = HIDDEN_UNITS,
    synchronized: bool = False,
    kernel_initializer: str = "normal_fan_in",
    seed: int | None = None,
    name: str = "ladder_mlp",
) -> Any:
    """784-1000-500-250-250-250-10 for MNIST (Rasmus et al. 2015, section 4.1).

    Every layer is dense and normalised, the logits too; ReLU after the hidden ones, a gain on the
    logits.

    Args:
        input_shape: shape of one example, any rank; it is flattened.
        num_classes: K, the number of logits.
        hidden_units: width of each hidden layer.
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
        return keras.layers.Dense(units, use_bias=False, kernel_initializer=initializer, **kwargs)

    model = keras.Sequential([keras.Input(input_shape, name="image")], name=name)
    model.add(keras.layers.Flatten())
    for units in hidden_units:
        model.add(NormalizedStage(dense(units), synchronized=synchronized))
    model.add(
        NormalizedStage(
            dense(num_classes, dtype="float32"),
            negative_slope=1.0,
            gain=True,
            synchronized=synchronized,
            dtype="float32",
            name="logits",
        )
    )
    return model


def ladder_conv(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    synchronized: bool = False,
    kernel_initializer: str = "lecun_uniform",
    seed: int | None = None,
    name: str = "ladder_conv",
) -> Any:
    """The network of the Gamma-model on CIFAR-10 (Rasmus et al. 2015, section 4.3).

    3x3-96 valid, full, full, pool, 3x3-192 valid, full, valid, pool, 3x3-192 valid, 1x1-192,
    1x1-K, global mean. A full convolution widens the image by 2, a pool halves it rounding up, so
    that 32 becomes 30, 32, 34, 17, 15, 17, 15, 8, 6. Leaky ReLU of slope 0.1; the poolings are
    linear but normalised too.

    Args:
        input_shape: [height, width, channels], at least 11 x 11.
        num_classes: K, the number of logits.
        synchronized: take batch statistics over all replicas.
        kernel_initializer: a key of `xadv_tf.initializers.INITIALIZERS`.
        seed: fixes the initial weights.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in float32.

    Raises:
        ValueError: if the images are too small.
    """
    check_size("ladder_conv", input_shape, _MIN_SIZE)
    seeds = initializers.layer_seeds(seed)
    model = keras.Sequential([keras.Input(input_shape, name="image")], name=name)

    def add_stage(linear: Any, **kwargs: Any) -> None:
        model.add(NormalizedStage(linear, synchronized=synchronized, **kwargs))

    def add_convolution(filters: int, size: int, padding: str) -> None:
        if padding == "full":
            model.add(keras.layers.ZeroPadding2D(size - 1))
        initializer = initializers.get(kernel_initializer, next(seeds))
        convolution = keras.layers.Conv2D(
            filters, size, use_bias=False, kernel_initializer=initializer
        )
        add_stage(convolution, negative_slope=0.1)

    for number, group in enumerate(_GROUPS):
        if number > 0:
            pool = MaxPooling2D(2, padding="same")  # rounds up
            add_stage(pool, negative_slope=1.0, bias=False)
        for filters, size, padding in group:
            add_convolution(filters, size, padding)
    add_convolution(num_classes, 1, "valid")
    # The divergences need float32 logits under every precision policy.
    mean = keras.layers.GlobalAveragePooling2D(dtype="float32")
    add_stage(mean, negative_slope=1.0, dtype="float32", name="logits")
    return model
