"""A small convolutional network for MNIST."""

from typing import Any

import keras

from xadv_tf import initializers
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.models.checks import check_size


def mnist_cnn(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    dropout_rate: float = 0.0,
    kernel_initializer: str = "he_normal",
    seed: int | None = None,
    name: str = "mnist_cnn",
) -> Any:
    """5x5-32, 2x2 max pool, 5x5-64, 2x2 max pool, dense 512, dense; ReLU, no normaliser.

    Source: McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks
    from Decentralized Data", section 3: 1,663,370 parameters on MNIST. They do not
    name an initialiser; He's keeps the scale where no normaliser restores it.

    Args:
        input_shape: [height, width, channels], at least 4 x 4.
        num_classes: K, the number of logits.
        dropout_rate: share of the 512 units dropped, in [0, 1).
        kernel_initializer: a key of `xadv_tf.initializers.INITIALIZERS`.
        seed: fixes the initial weights and starts the dropout sequence.
        name: of the Keras model.

    Returns:
        A Keras model, [batch, height, width, channels] -> logits [batch, K] in
        float32.

    Raises:
        ValueError: if the images are too small.
    """
    check_size("mnist_cnn", input_shape, 4)  # Two pools halve it.
    seeds = initializers.layer_seeds(seed)

    def initializer() -> Any:
        return initializers.get(kernel_initializer, next(seeds))

    inputs = keras.Input(input_shape, name="image")
    x = inputs
    for filters in (32, 64):
        x = keras.layers.Conv2D(
            filters, 5, padding="same", activation="relu", kernel_initializer=initializer()
        )(x)
        x = MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(512, activation="relu", kernel_initializer=initializer())(x)
    if dropout_rate > 0.0:
        x = keras.layers.Dropout(dropout_rate, seed=next(seeds))(x)
    # The divergences need float32 logits under every precision policy.
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=initializer(), dtype="float32", name="logits"
    )(x)
    return keras.Model(inputs, logits, name=name)
