"""Flags of the classifier; unset leaves the model's default; not every model takes each."""

from absl import flags

from flags.ranges import define_float

flags.DEFINE_string(
    "model",
    "mlp",
    "mlp, mlp_supervised, mnist_cnn, conv_large, conv_large_weight_norm, ladder_mlp, "
    "ladder_conv, catgan_mlp, catgan_conv, gan_mlp, gan_conv, gan_conv_svhn, wide_resnet, "
    "wide_resnet_28_2 or wide_resnet_28_10.",
)
flags.DEFINE_enum(
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
    "Law of the initial weights (see xadv_tf/initializers.py).",
)
define_float("input_noise", None, "Deviation of the Gaussian noise on the images.", at_least=0)
define_float("hidden_noise", None, "Deviation of the noise before each later layer.", at_least=0)
define_float("dropout", None, "Share of units dropped.", at_least=0, below=1)
flags.DEFINE_boolean("conv_bias", None, "Add a bias before each normaliser of conv_large.")
flags.DEFINE_boolean("top_batch_norm", None, "Normalise the logits as well.")
flags.DEFINE_boolean(
    "batch_norm_affine", None, "Learn a scale and an offset in each normaliser of conv_large."
)
define_float(
    "batch_norm_momentum",
    None,
    "Share of the running statistics that a step keeps.",
    at_least=0,
    below=1,
)
define_float("batch_norm_epsilon", None, "Added to the variance before its root is taken.", above=0)
