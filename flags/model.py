"""Flags of the classifier; unset leaves the model's default; not every model takes each."""

from flags import define
from flags.models import MODELS

define.string(
    "model",
    "mlp",
    f"{', '.join(MODELS)}.",
)
define.enumeration(
    "kernel_initializer",
    None,
    [
        "normal_fan_in",
        "uniform_fan_in",
        "lecun_uniform",
        "he_normal",
        "he_uniform",
        "he_normal_fan_out",
    ],
    "Distribution of the initial weights (see xadv_tf/initializers.py).",
)
define.number("input_noise", None, "Deviation of the Gaussian noise on the images.", at_least=0)
define.number("hidden_noise", None, "Deviation of the noise before each later layer.", at_least=0)
define.number(
    "input_dropout", None, "Share of the image's values dropped in training.", at_least=0, below=1
)
define.number("dropout", None, "Share of units dropped.", at_least=0, below=1)
define.boolean("conv_bias", None, "Add a bias before each normaliser of conv_large.")
define.boolean("top_batch_norm", None, "Normalise the logits as well.")
define.boolean(
    "batch_norm_affine", None, "Learn a scale and an offset in each normaliser of conv_large."
)
define.number(
    "batch_norm_momentum",
    None,
    "Share of the running statistics that a step keeps.",
    at_least=0,
    below=1,
)
define.number(
    "batch_norm_epsilon", None, "Added to the variance before its root is taken.", above=0
)
