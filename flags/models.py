"""The models' names, the flags that each takes, and what its builder calls them."""

from collections.abc import Mapping

_WEIGHTS = {"kernel_initializer": "kernel_initializer"}
_NOISE = {"dropout": "dropout_rate", "input_noise": "input_noise"}
_MLP = {
    **_WEIGHTS,
    **_NOISE,
    "input_dropout": "input_dropout",
    "top_batch_norm": "top_batch_norm",
}
_RESNET = {
    **_WEIGHTS,
    "dropout": "dropout_rate",
    "batch_norm_momentum": "momentum",
    "batch_norm_epsilon": "epsilon",
}
_GAN_NOISE = {"input_noise": "input_noise", "hidden_noise": "hidden_noise"}

# {name in xadv_tf.models: {flag of flags/model.py: argument}}.
MODELS: Mapping[str, Mapping[str, str]] = {
    "mlp": _MLP,
    "mlp_supervised": _MLP,
    "mnist_cnn": {**_WEIGHTS, "dropout": "dropout_rate"},
    "conv_large": {
        **_RESNET,
        "input_noise": "input_noise",
        "conv_bias": "conv_bias",
        "top_batch_norm": "top_batch_norm",
        "batch_norm_affine": "affine",
    },
    "conv_large_weight_norm": _NOISE,
    "ladder_mlp": _WEIGHTS,
    "ladder_conv": _WEIGHTS,
    "catgan_mlp": _GAN_NOISE,
    "catgan_conv": _GAN_NOISE,
    "gan_mlp": _GAN_NOISE,
    "gan_conv": {"dropout": "dropout_rate"},
    "gan_conv_svhn": {"dropout": "dropout_rate"},
    "wide_resnet": _RESNET,
    "wide_resnet_28_2": _RESNET,
    "wide_resnet_28_10": _RESNET,
}
