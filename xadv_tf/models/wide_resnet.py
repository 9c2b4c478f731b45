"""Wide residual networks."""

from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.batch_normalization import BatchNormalization


def wide_resnet(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    depth: int = 28,
    width: int = 2,
    dropout_rate: float = 0.0,
    negative_slope: float = 0.0,
    share_every_activation: bool = True,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    synchronized: bool = False,
    kernel_initializer: str = "he_normal_fan_out",
    seed: int | None = None,
    name: str = "wide_resnet",
) -> Any:
    """Pre-activation residual network WRN-depth-width.

    A 3x3-16 convolution, three groups of (depth - 4)/6 blocks with 16, 32 and 64
    times `width` channels, of which the second and third start with stride 2, then
    normalisation, activation, global average, dense. A block is twice
    (normalisation, activation, 3x3 convolution) beside its shortcut, a 1x1
    convolution where the number of channels changes. No convolution has a bias.

    Source: Zagoruyko & Komodakis 2016 and their released code, which the defaults
    follow. `wide_resnet_28_2` has the settings of Oliver et al. 2018.

    Args:
        input_shape: [height, width, channels].
        num_classes: K, the number of logits.
        depth: number of 3x3 convolutions + shortcuts that the name counts, 6n + 4.
        width: factor k on the number of channels.
        dropout_rate: share of units dropped between the two convolutions of a
            block, in [0, 1).
        negative_slope: of the leaky ReLU; 0 gives ReLU.
        share_every_activation: where the number of channels changes, the shortcut
            starts from the activated input; False does so in the first block only.
        momentum: share of the running statistics kept by an update.
        epsilon: added to the variance under the root.
        synchronized: take batch statistics over all replicas.
        kernel_initializer: of the convolutions, a key of
            `xadv_tf.initializers.INITIALIZERS`.
        seed: fixes the initial weights and starts the dropout sequence.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in
        float32.

    Raises:
        ValueError: if `depth` is not 6n + 4 with n >= 1 or `width` is below 1.
    """
    if depth < 10 or (depth - 4) % 6 != 0:
        raise ValueError(f"depth must be 6n + 4 with n >= 1. Received: depth={depth}")
    if width < 1:
        raise ValueError(f"width must be at least 1. Received: width={width}")
    seeds = initializers.layer_seeds(seed)

    def conv(x: Any, filters: int, size: int, stride: int = 1) -> Any:
        padding = "same"
        if stride > 1:
            # "same" would pad a stride-2 window at the far side only, one pixel off
            # the grid of the 1x1 shortcut.
            x = keras.layers.ZeroPadding2D(size // 2)(x) if size > 1 else x
            padding = "valid"
        return keras.layers.Conv2D(
            filters,
            size,
            strides=stride,
            padding=padding,
            use_bias=False,
            kernel_initializer=initializers.get(kernel_initializer, next(seeds)),
        )(x)

    def activate(x: Any) -> Any:
        x = BatchNormalization(
            momentum=momentum, epsilon=epsilon, affine=True, synchronized=synchronized
        )(x)
        if negative_slope == 0.0:
            return keras.layers.ReLU()(x)
        return keras.layers.LeakyReLU(negative_slope=negative_slope)(x)

    def block(x: Any, filters: int, stride: int, share_activation: bool) -> Any:
        activated = activate(x)
        shortcut = activated if share_activation else x
        residual = conv(activated, filters, 3, stride)
        residual = activate(residual)
        if dropout_rate > 0.0:
            residual = keras.layers.Dropout(dropout_rate, seed=next(seeds))(residual)
        residual = conv(residual, filters, 3)
        if x.shape[-1] != filters:
            shortcut = conv(shortcut, filters, 1, stride)
        return keras.layers.Add()([shortcut, residual])

    inputs = keras.Input(input_shape, name="image")
    x = conv(inputs, 16, 3)
    for group in range(3):
        filters = 16 * width * 2**group
        for number in range((depth - 4) // 6):
            changes = x.shape[-1] != filters
            share = changes if share_every_activation else group == 0 and number == 0
            x = block(x, filters, 2 if group > 0 and number == 0 else 1, share)
    x = activate(x)
    # The head is float32 under every policy: the divergences need float32 logits.
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    logits = keras.layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.GlorotNormal(seed=next(seeds)),
        dtype="float32",
        name="logits",
    )(x)
    return keras.Model(inputs, logits, name=name)


def wide_resnet_28_10(*args: Any, name: str = "wide_resnet_28_10", **kwargs: Any) -> Any:
    """WRN-28-10, the network of the supervised comparisons; arguments of `wide_resnet`."""
    return wide_resnet(*args, depth=28, width=10, name=name, **kwargs)


def wide_resnet_28_2(*args: Any, name: str = "wide_resnet_28_2", **kwargs: Any) -> Any:
    """WRN-28-2 as in Oliver et al. 2018; arguments of `wide_resnet`.

    Their released code has leaky ReLU 0.1, running statistics with decay 0.999,
    epsilon 1e-3, and a shared activation in the first block only. It pads
    stride-2 convolutions at the far side; here they are centred.
    """
    settings: dict[str, Any] = {
        "negative_slope": 0.1,
        "share_every_activation": False,
        "momentum": 0.999,
        "epsilon": 1e-3,
    }
    return wide_resnet(*args, depth=28, width=2, name=name, **{**settings, **kwargs})
