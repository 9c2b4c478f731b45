"""CNN-13 ("Conv-Large"), the network of the SVHN and CIFAR experiments."""

from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.layers.weight_normalization import WeightNormConv2D, WeightNormDense
from xadv_tf.models.checks import check_size

# (filters, kernel size, padding) of each convolution; a pool follows the first two groups.
_GROUPS = (
    ((128, 3, "same"),) * 3,
    ((256, 3, "same"),) * 3,
    ((512, 3, "valid"), (256, 1, "same"), (128, 1, "same")),
)
_MIN_SIZE = 12  # two halvings must leave the 3x3 valid convolution its window


def conv_large(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    normalizer: str = "batch_norm",
    input_noise: float = 0.0,
    dropout_rate: float = 0.5,
    conv_bias: bool = False,
    affine: bool = False,
    momentum: float = 0.9,
    epsilon: float = 2e-5,
    top_batch_norm: bool = False,
    synchronized: bool = False,
    kernel_initializer: str = "normal_fan_in",
    seed: int | None = None,
    name: str = "conv_large",
) -> Any:
    """Nine convolutions, each normalised and with leaky ReLU of slope 0.1.

    3x3-128 three times, 2x2 max pool, dropout, 3x3-256 three times, 2x2 max pool,
    dropout, 3x3-512 without padding, 1x1-256, 1x1-128, global average, dense.

    Sources: Laine & Aila 2017, table 5; Miyato et al. 2018 ("Conv-Large"). The
    defaults compute what the released xVAT code computes; its convolutions also
    hold a bias (`conv_bias=True`), which the normaliser subtracts again: the
    gradient of that bias is rounding noise, which Adam would blow up to steps of
    the learning rate. The released VAT code is `affine=True, momentum=0.99,
    epsilon=1e-6, kernel_initializer="he_normal"`. Pi-model, Temporal Ensembling and Mean
    Teacher have `conv_large_weight_norm`.

    Args:
        input_shape: [height, width, channels], at least 12 x 12.
        num_classes: K, the number of logits.
        normalizer: "batch_norm", or "weight_norm": weight normalisation with mean-only batch
            normalisation in every layer, the dense one included. `conv_bias`, `affine`,
            `momentum`, `epsilon`, `top_batch_norm` and `kernel_initializer` are then not used.
        input_noise: deviation of the Gaussian noise on the images in training.
        dropout_rate: share of units dropped after each pool, in [0, 1).
        conv_bias: add a bias before each normaliser (see above).
        affine: learn a scale and an offset in each normaliser, the top one included.
        momentum: share of the running statistics kept by an update.
        epsilon: added to the variance under the root.
        top_batch_norm: normalise the logits too (VAT on SVHN, supervised xVAT on
            CIFAR-10). The dense layer keeps its bias.
        synchronized: take batch statistics over all replicas.
        kernel_initializer: a key of `xadv_tf.initializers.INITIALIZERS`.
        seed: fixes the initial weights and starts the dropout sequence.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in
        float32.

    Raises:
        ValueError: if the images are too small or the normaliser is unknown.
    """
    if normalizer not in ("batch_norm", "weight_norm"):
        raise ValueError(
            f"normalizer must be 'batch_norm' or 'weight_norm'. Received: normalizer={normalizer!r}"
        )
    check_size("conv_large", input_shape, _MIN_SIZE)
    seeds = initializers.layer_seeds(seed)

    def normalize(**kwargs: Any) -> Any:
        return BatchNormalization(
            momentum=momentum, epsilon=epsilon, affine=affine, synchronized=synchronized, **kwargs
        )

    def convolve(x: Any, filters: int, size: int, padding: str) -> Any:
        if normalizer == "weight_norm":
            return WeightNormConv2D(
                filters, size, padding=padding, synchronized=synchronized, seed=next(seeds)
            )(x)
        x = keras.layers.Conv2D(
            filters,
            size,
            padding=padding,
            use_bias=conv_bias,
            kernel_initializer=initializers.get(kernel_initializer, next(seeds)),
        )(x)
        return normalize()(x)

    # The head is float32 under every policy: the divergences need float32 logits.
    def classify(x: Any) -> Any:
        head: dict[str, Any] = {"dtype": "float32", "name": "logits"}
        if normalizer == "weight_norm":
            return WeightNormDense(
                num_classes, synchronized=synchronized, seed=next(seeds), **head
            )(x)
        kernel = initializers.get(kernel_initializer, next(seeds))
        logits = keras.layers.Dense(num_classes, kernel_initializer=kernel, **head)(x)
        if top_batch_norm:
            logits = normalize(dtype="float32", name="top_batch_norm")(logits)
        return logits

    inputs = keras.Input(input_shape, name="image")
    x = inputs
    if input_noise:
        x = keras.layers.GaussianNoise(input_noise, seed=next(seeds))(x)
    for number, group in enumerate(_GROUPS):
        if number > 0:
            x = MaxPooling2D(2)(x)
            x = keras.layers.Dropout(dropout_rate, seed=next(seeds))(x)
        for filters, size, padding in group:
            x = convolve(x, filters, size, padding)
            x = keras.layers.LeakyReLU(negative_slope=0.1)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.Model(inputs, classify(x), name=name)


def conv_large_weight_norm(*args: Any, name: str = "conv_large_weight_norm", **kwargs: Any) -> Any:
    """The network of Laine & Aila 2017 (their table 5) and of Mean Teacher.

    Weight normalisation and Gaussian noise of deviation 0.15 on the images; arguments of
    `conv_large`.
    """
    settings: dict[str, Any] = {"normalizer": "weight_norm", "input_noise": 0.15}
    return conv_large(*args, name=name, **{**settings, **kwargs})
