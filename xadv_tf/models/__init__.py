"""Classifiers and generators of the published experiments: plain Keras models.

Each classifier takes `input_shape` (of one example), `num_classes`, and keyword-only options,
`seed` and `name` among them, and maps [batch, *input_shape] to logits [batch, num_classes]. A
generator takes `image_shape` and maps [batch, latent] to [batch, *image_shape].
"""

from collections.abc import Callable
from typing import Any

from xadv_tf.models.catgan_classifiers import catgan_conv, catgan_mlp
from xadv_tf.models.catgan_generators import catgan_conv_generator, catgan_mlp_generator
from xadv_tf.models.conv_large import conv_large, conv_large_weight_norm
from xadv_tf.models.gan_classifiers import gan_conv, gan_conv_svhn, gan_mlp
from xadv_tf.models.gan_generators import gan_conv_generator, gan_mlp_generator
from xadv_tf.models.ladder import ladder_conv, ladder_mlp
from xadv_tf.models.mlp import SEMI_SUPERVISED_UNITS, SUPERVISED_UNITS, mlp, mlp_supervised
from xadv_tf.models.mnist_cnn import mnist_cnn
from xadv_tf.models.wide_resnet import wide_resnet, wide_resnet_28_2, wide_resnet_28_10

MODELS: dict[str, Callable[..., Any]] = {
    "mlp": mlp,
    "mlp_supervised": mlp_supervised,
    "mnist_cnn": mnist_cnn,
    "conv_large": conv_large,
    "conv_large_weight_norm": conv_large_weight_norm,
    "ladder_mlp": ladder_mlp,
    "ladder_conv": ladder_conv,
    "catgan_mlp": catgan_mlp,
    "catgan_conv": catgan_conv,
    "gan_mlp": gan_mlp,
    "gan_conv": gan_conv,
    "gan_conv_svhn": gan_conv_svhn,
    "wide_resnet": wide_resnet,
    "wide_resnet_28_2": wide_resnet_28_2,
    "wide_resnet_28_10": wide_resnet_28_10,
}

# Models with batch normalisation: their builders take `synchronized`.
NORMALIZED = frozenset(MODELS) - {"mnist_cnn", "gan_mlp", "gan_conv", "gan_conv_svhn"}

GENERATORS: dict[str, Callable[..., Any]] = {
    "catgan_mlp": catgan_mlp_generator,
    "catgan_conv": catgan_conv_generator,
    "gan_mlp": gan_mlp_generator,
    "gan_conv": gan_conv_generator,
}


def get(name: str) -> Callable[..., Any]:
    """Returns the function that builds the model `name`, a key of `MODELS`.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {sorted(MODELS)}. Received: model={name!r}")
    return MODELS[name]


__all__ = [
    "GENERATORS",
    "MODELS",
    "SEMI_SUPERVISED_UNITS",
    "SUPERVISED_UNITS",
    "catgan_conv",
    "catgan_conv_generator",
    "catgan_mlp",
    "catgan_mlp_generator",
    "conv_large",
    "conv_large_weight_norm",
    "gan_conv",
    "gan_conv_generator",
    "gan_conv_svhn",
    "gan_mlp",
    "gan_mlp_generator",
    "get",
    "ladder_conv",
    "ladder_mlp",
    "mlp",
    "mlp_supervised",
    "mnist_cnn",
    "wide_resnet",
    "wide_resnet_28_2",
    "wide_resnet_28_10",
]
