"""What the programs know of each method: one declaration a method, from which the rest follows.

Its label in tables and its place among the rows, the flags that it takes, what a search varies,
what it must be given and what it can be joined with. The method itself is a class of
xadv_tf.methods.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

_GATE = ("beta", "gamma", "zeta")
_MASKED = ("divergence", "output_scale", "fill", "adversarial_weight", *_GATE)
_LOG_ALPHA = ("log_alpha_mean", "log_alpha_stddev")
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
_SEARCH_SPARSITY = {"sparsity": "log:0.1:10"}
_SEARCH_CONSISTENCY = {"consistency_weight": "log:1:300"}


@dataclasses.dataclass(frozen=True)
class Method:
    """A declaration.

    Attributes:
        label: what tables call it; of a method with a mask, before the form of the mask.
        takes: its flags of flags/method.py, in the order in which messages list them. Those named
            like arguments of the class go to it as they are.
        search: of those, the ones that usually decide, with ranges around the papers' values, as
            --search has them. A method without any searches the learning rate.
        unlabeled: whether it looks at the unlabeled batch.
        combines: whether it can be a part of a method like xvat+entropy.
        trains_mask: whether it is given a mask, in one of `FORMS`, and an optimizer for it.
        generator: the network that it is given to generate images with, a value of --generator,
            and an optimizer for it; None for a method without.
        variants: {flag: {value: label}}: what tables call it where a flag makes it another method.
        per_image: whether it keeps something for each image of the pool, and is told how many
            there are and how many steps an epoch of them takes.
    """

    label: str
    takes: tuple[str, ...] = ()
    search: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unlabeled: bool = True
    combines: bool = True
    trains_mask: bool = False
    generator: str | None = None
    per_image: bool = False
    variants: Mapping[str, Mapping[Any, str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Form:
    """A place where a trained mask can live: a value of --mask.

    Attributes:
        suffix: of the label.
        takes: the flags that it takes besides the method's.
        search: what a search varies of them and of the method's.
    """

    suffix: str
    takes: tuple[str, ...]
    search: Mapping[str, str]


# From the plainest on: tables have their rows in this order, --help its names.
METHODS: Mapping[str, Method] = {
    "mle": Method("MLE", unlabeled=False),
    "random_mask": Method(
        "RandomMask",
        (
            *(*_MASKED, *_LOG_ALPHA),
            *("fixed_masks", "mask_block", "num_masks", "divergence_confidence"),
        ),
        {"adversarial_weight": "log:0.1:10", "log_alpha_mean": "linear:-1:4"},
        variants={"fixed_masks": {True: "FixedMask"}},
    ),
    "at": Method(
        "AT",
        ("epsilon", "norm", "clean_weight", "adversarial_weight"),
        {"epsilon": "log:0.01:0.5"},
        unlabeled=False,
    ),
    "vat": Method(
        "VAT",
        ("epsilon", "xi", "num_power_iterations", "share_noise", "adversarial_weight"),
        {"epsilon": "log:0.5:10"},
        variants={"num_power_iterations": {0: "Noise"}},
    ),
    "vadd": Method(
        "VAdD",
        ("dropout_layer", "delta", "initial_dropout", "adversarial_weight"),
        {"delta": "log:0.01:0.3"},
    ),
    "xat": Method("xAT", _TRAINED_MASK, _SEARCH_SPARSITY, unlabeled=False, trains_mask=True),
    "xvat": Method(
        "xVAT", (*_TRAINED_MASK, "divergence_confidence"), _SEARCH_SPARSITY, trains_mask=True
    ),
    "pi_model": Method("Pi-model", _CONSISTENCY, _SEARCH_CONSISTENCY),
    "temporal_ensembling": Method(
        "Temporal Ensembling",
        (*_CONSISTENCY, "ensemble_momentum"),
        {**_SEARCH_CONSISTENCY, "ensemble_momentum": "linear:0.3:0.9"},
        per_image=True,
    ),
    "mean_teacher": Method(
        "Mean Teacher",
        (*_CONSISTENCY, "teacher_decay", "early_teacher_decay", "consistency_on_labeled"),
        {**_SEARCH_CONSISTENCY, "teacher_decay": "choice:0.99,0.995,0.999"},
    ),
    "ladder": Method(
        "Ladder",
        ("noise_stddev", "denoising_weights", "statistics_batches"),
        {"noise_stddev": "linear:0.1:0.6"},
        combines=False,
    ),
    "catgan": Method(
        "CatGAN", ("generator", "clean_weight"), combines=False, generator="catgan_mlp"
    ),
    "feature_matching_gan": Method(
        "FM-GAN",
        ("generator", "feature_distance", "separate_batches"),
        combines=False,
        generator="gan_mlp",
    ),
    "entropy": Method("Entropy", ("entropy_weight",), {"entropy_weight": "log:0.1:10"}),
    "pseudo_label": Method(
        "PseudoLabel",
        ("pseudo_label_weight", "confidence_threshold"),
        {"pseudo_label_weight": "log:0.1:10"},
    ),
}
# What every method takes.
COMMON = ("ema_decay", "evaluate_ema")
DEFAULT_FORM = "inductive"
# Ten shared weights can do with a far smaller rate than a row for each image.
FORMS: Mapping[str, Form] = {
    "inductive": Form(
        "-I",
        (
            "generator_depth",
            "generator_width",
            "generator_pooling",
            "generator_channels",
            "generator_bias",
        ),
        {"mask_learning_rate": "log:1e-5:1e-3"},
    ),
    "transductive": Form("-T", _LOG_ALPHA, {"mask_learning_rate": "log:1e-3:0.1"}),
}


def label(method: str, mask: str = DEFAULT_FORM, options: Mapping[str, Any] | None = None) -> str:
    """The method as the paper's tables call it: xVAT-I and xVAT-T tell where the mask lives.

    Args:
        method: keys of `METHODS` with + between.
        mask: a key of `FORMS`.
        options: values of the methods' flags by name, for `Method.variants`.
    """
    declared = [METHODS[part] for part in method.split("+")]
    return "+".join(
        _variant(each, options or {}) + (FORMS[mask].suffix if each.trains_mask else "")
        for each in declared
    )


def _variant(declared: Method, options: Mapping[str, Any]) -> str:
    for flag, labels in declared.variants.items():
        if options.get(flag) in labels:
            return labels[options[flag]]
    return declared.label


def rows() -> dict[str, tuple[str, str]]:
    """Every method that stands alone in a row of a table, with its mask's form.

    Returns:
        {name: (method, mask)}, e.g. "vat": ("vat", "inductive") and "xvat_transductive": ("xvat",
        "transductive"), in the order of a table's rows.
    """
    return {
        f"{name}_{form}" if declared.trains_mask else name: (name, form)
        for name, declared in METHODS.items()
        for form in (FORMS if declared.trains_mask else (DEFAULT_FORM,))
    }
