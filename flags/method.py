"""Flags of the methods; unset leaves the method's default; not every method takes each."""

from absl import flags

from flags.ranges import define_float, define_floats

flags.DEFINE_string(
    "method",
    "xvat",
    "mle, at, vat, xat, xvat, random_mask, pi_model, temporal_ensembling, mean_teacher, ladder, "
    "catgan, feature_matching_gan, entropy or pseudo_label; or several with + between, e.g. "
    "xvat+entropy, whose terms add up.",
)
define_float("clean_weight", None, "Weight of the clean cross-entropy.", at_least=0)
define_float("adversarial_weight", None, "Weight of the adversarial term.", at_least=0)

define_float("epsilon", None, "Size of the additive perturbation.", at_least=0)
flags.DEFINE_enum("norm", None, ["linf", "l2"], "Norm of AT's perturbation.")
define_float("xi", None, "Length of VAT's finite difference.", above=0)
flags.DEFINE_integer("num_power_iterations", None, "VAT's power iterations.", lower_bound=1)
flags.DEFINE_boolean("share_noise", None, "Whether VAT's unlabeled passes share a dropout mask.")

flags.DEFINE_enum(
    "divergence",
    None,
    ["kl", "reverse_kl", "cross_entropy"],
    "D(x, z): KL(p(x) || p(x * z)), the other way round, or the cross-entropy.",
)
define_float("output_scale", None, "Factor on the masked image.", above=0)
define_float("sparsity", None, "Weight lambda of the expected L0.", at_least=0)
flags.DEFINE_enum("l0_reduction", None, ["sum", "mean"], "Expected L0 over pixels.")
define_float("smoothness", None, "Weight against the mask's roughness; negative rewards it.")
flags.DEFINE_integer(
    "alternating_steps",
    None,
    "Mask steps before each classifier step; 0 moves both at once.",
    lower_bound=0,
)
define_float("beta", None, "Temperature of the hard-concrete gate.", above=0)
define_float(
    "gamma", None, "Lower end of the gate's stretched interval; at 0 no gate closes.", below=0
)
define_float(
    "zeta", None, "Upper end of the gate's stretched interval; at 1 no gate opens fully.", above=1
)

flags.DEFINE_enum(
    "mask",
    None,
    ["inductive", "transductive"],
    "Where log_alpha lives: in a generator or in a table of the training images.",
)
flags.DEFINE_integer(
    "generator_depth", None, "Layers of the generator.", lower_bound=1, upper_bound=5
)
flags.DEFINE_integer(
    "generator_width", None, "Channels of the generator's hidden layers.", lower_bound=1
)
flags.DEFINE_integer(
    "generator_pooling", None, "Side of the pixel square that shares a gate.", lower_bound=1
)
flags.DEFINE_integer(
    "generator_channels", None, "Gates per pixel: 1, or one a colour.", lower_bound=1
)
define_float("generator_bias", None, "Initial bias of the generator's output.")
define_float("log_alpha_mean", None, "Mean of the initial (RandomMask: every) log_alpha.")
define_float("log_alpha_stddev", None, "Standard deviation of the same.", at_least=0)
define_float(
    "mask_learning_rate",
    None,
    "The mask optimizer's learning rate; 0 leaves the mask as it starts out.",
    at_least=0,
)
flags.DEFINE_boolean(
    "mask_decay", None, "Whether the mask's learning rate follows the classifier's schedule."
)

define_float("consistency_weight", None, "Weight of the consistency of predictions.", at_least=0)
define_float(
    "consistency_ramp_epochs", None, "Epochs over which that weight rises from 0.", above=0
)
define_float(
    "ensemble_momentum", None, "Of Temporal Ensembling's targets, an epoch.", at_least=0, below=1
)
define_float(
    "teacher_decay",
    None,
    "Share of its weights that a step leaves Mean Teacher's teacher.",
    at_least=0,
    at_most=1,
)
define_float(
    "early_teacher_decay", None, "The same during --consistency_ramp_epochs.", at_least=0, at_most=1
)
flags.DEFINE_boolean(
    "consistency_on_labeled",
    None,
    "Whether labeled images of a joined batch count in Mean Teacher's consistency.",
)

define_float("entropy_weight", None, "Weight of the entropy of predictions.", at_least=0)
define_float("pseudo_label_weight", None, "Weight of the pseudo-labels' term.", at_least=0)
define_float(
    "confidence_threshold",
    None,
    "Probability from which on a prediction is taken for a pseudo-label.",
    at_least=0,
    at_most=1,
)

define_float("noise_stddev", None, "The ladder's noise at the input and every level.", at_least=0)
define_floats(
    "denoising_weights",
    None,
    "The ladder's lambda of each level, from the input to the top, with commas between.",
    at_least=0,
)
flags.DEFINE_integer(
    "statistics_batches",
    None,
    "Labeled batches that the ladder takes its statistics for prediction from.",
    lower_bound=1,
)

flags.DEFINE_enum(
    "generator",
    None,
    ["catgan_mlp", "catgan_conv", "gan_mlp", "gan_conv"],
    "The network that generates a GAN's images.",
)
flags.DEFINE_enum(
    "feature_distance",
    None,
    ["squared", "absolute"],
    "Of the feature-matching GAN's mean features: (a - b)^2 or |a - b|.",
)
flags.DEFINE_boolean(
    "separate_batches",
    None,
    "Whether that GAN's players take turns with every other image of the unlabeled batch.",
)

define_float(
    "ema_decay",
    None,
    "Keep an average of the classifier's weights, with this decay.",
    above=0,
    below=1,
)
flags.DEFINE_boolean("evaluate_ema", None, "Evaluate and export that average.")
