"""Which flags of flags/method.py and flags/model.py each method and model takes."""

from collections.abc import Mapping
from typing import Any

from trainers.errors import UsageError

_GATE = ("beta", "gamma", "zeta")
_MASKED = ("divergence", "output_scale", "adversarial_weight", *_GATE)
_LOG_ALPHA = ("log_alpha_mean", "log_alpha_stddev")
_GENERATOR = (
    "generator_depth",
    "generator_width",
    "generator_pooling",
    "generator_channels",
    "generator_bias",
)
_TRAINED_MASK = (
    *_MASKED,
    "clean_weight",
    "sparsity",
    "l0_reduction",
    "smoothness",
    "alternating_steps",
    "mask",
    "mask_learning_rate",
    "mask_decay",
)

_CONSISTENCY = ("consistency_weight", "consistency_ramp_epochs")

METHOD_FLAGS: Mapping[str, tuple[str, ...]] = {
    "mle": (),
    "at": ("epsilon", "norm", "clean_weight", "adversarial_weight"),
    "vat": ("epsilon", "xi", "num_power_iterations", "share_noise", "adversarial_weight"),
    "random_mask": (*_MASKED, *_LOG_ALPHA),
    "xat": _TRAINED_MASK,
    "xvat": _TRAINED_MASK,
    "pi_model": _CONSISTENCY,
    "temporal_ensembling": (*_CONSISTENCY, "ensemble_momentum"),
    "mean_teacher": (
        *_CONSISTENCY,
        "teacher_decay",
        "early_teacher_decay",
        "consistency_on_labeled",
    ),
    "catgan": ("generator", "clean_weight"),
    "feature_matching_gan": ("generator", "feature_distance", "separate_batches"),
    "ladder": ("noise_stddev", "denoising_weights", "statistics_batches"),
    "entropy": ("entropy_weight",),
    "pseudo_label": ("pseudo_label_weight", "confidence_threshold"),
}
# What every method takes.
COMMON_FLAGS = ("ema_decay", "evaluate_ema")
# What the methods with --mask take besides, by the form of the mask.
MASK_FLAGS: Mapping[str, tuple[str, ...]] = {"inductive": _GENERATOR, "transductive": _LOG_ALPHA}
# Methods that do not look at the unlabeled batch.
SUPERVISED_METHODS = frozenset({"mle", "at", "xat"})
# Methods that stand alone.
UNCOMBINABLE_METHODS = frozenset({"ladder", "catgan", "feature_matching_gan"})

_WEIGHTS = {"kernel_initializer": "kernel_initializer"}
_NOISE = {"dropout": "dropout_rate", "input_noise": "input_noise"}
_MLP = {**_WEIGHTS, **_NOISE, "top_batch_norm": "top_batch_norm"}
_RESNET = {
    **_WEIGHTS,
    "dropout": "dropout_rate",
    "batch_norm_momentum": "momentum",
    "batch_norm_epsilon": "epsilon",
}
_GAN_NOISE = {"input_noise": "input_noise", "hidden_noise": "hidden_noise"}
# The flags that each model takes, and what its builder calls them.
MODEL_FLAGS: Mapping[str, Mapping[str, str]] = {
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


def parts(method: str) -> list[str]:
    """The methods that --method names, as in xvat+entropy; most often one.

    Raises:
        UsageError: for an unknown method, or methods that do not combine.
    """
    names = method.split("+")
    for name in names:
        if name not in METHOD_FLAGS:
            raise UsageError(
                f"--method must be one of {', '.join(METHOD_FLAGS)}, or several with + between. "
                f"Received: --method={method}"
            )
        if len(names) > 1 and (name in UNCOMBINABLE_METHODS or names.count(name) > 1):
            raise UsageError(
                "--method must combine different methods, none of them "
                f"{' or '.join(sorted(UNCOMBINABLE_METHODS))}. Received: --method={method}"
            )
    return names


def of_method(method: str, mask: str | None) -> tuple[str, ...]:
    """The flags that a method or one of its parts takes, with those of its form of mask.

    Args:
        method: keys of `METHOD_FLAGS` with + between.
        mask: a key of `MASK_FLAGS`; None is inductive.

    Raises:
        UsageError: as `parts`.
    """
    own = dict.fromkeys(flag for part in parts(method) for flag in METHOD_FLAGS[part])
    names = (*own, *COMMON_FLAGS)
    return (*names, *MASK_FLAGS[mask or "inductive"]) if "mask" in names else names


def of_model(model: str) -> tuple[str, ...]:
    """The flags that a model takes.

    Raises:
        UsageError: for an unknown model.
    """
    if model not in MODEL_FLAGS:
        raise UsageError(
            f"--model must be one of {', '.join(MODEL_FLAGS)}. Received: --model={model}"
        )
    return tuple(MODEL_FLAGS[model])


def refuse_others(options: Mapping[str, Any], taken: tuple[str, ...], taker: str) -> None:
    """Raises UsageError for options that `taker`, e.g. "--method=vat", does not take.

    Args:
        options: values of flags by name.
        taken: what it takes.
        taker: the flags that chose it.
    """
    for name, value in options.items():
        if name not in taken:
            raise UsageError(
                f"{taker} does not take --{name}; it takes "
                f"{', '.join('--' + flag for flag in taken) or 'no flags of its own'}. "
                f"Received: --{name}={value}"
            )
