"""Flags of the methods; unset leaves the method's default; not every method takes each."""

from flags import define
from flags.define import Kind
from flags.methods import FORMS, METHODS

define.string(
    "method",
    "xvat",
    f"{', '.join(METHODS)}; or several with + between, e.g. xvat+entropy, whose terms add up.",
    kind=Kind.METHOD,
)
define.number("clean_weight", None, "Weight of the clean cross-entropy.", at_least=0)
define.number("adversarial_weight", None, "Weight of the adversarial term.", at_least=0)

define.number("epsilon", None, "Size of the additive perturbation.", at_least=0)
define.enumeration("norm", None, ["linf", "l2"], "Norm of AT's perturbation.")
define.number("xi", None, "Length of VAT's finite difference.", above=0)
define.integer(
    "num_power_iterations",
    None,
    "VAT's power iterations; 0 leaves a random direction: noise of length --epsilon.",
    at_least=0,
)
define.boolean("share_noise", None, "Whether VAT's unlabeled passes share a dropout mask.")

define.enumeration(
    "dropout_layer",
    None,
    ["last_hidden", "input"],
    "What VAdD's mask multiplies: the last hidden layer's units or the pixels.",
)
define.number(
    "delta", None, "Largest share of units that VAdD's adversary flips.", at_least=0, below=1
)
define.number(
    "initial_dropout", None, "Share of units that VAdD's random mask drops.", at_least=0, below=1
)

define.enumeration(
    "divergence",
    None,
    ["kl", "reverse_kl", "cross_entropy"],
    "D(x, z): KL(p(x) || p(x * z)), the other way round, or the cross-entropy.",
)
define.enumeration(
    "fill",
    None,
    ["zero", "black", "mean", "blurred"],
    "What a pixel becomes where the mask is 0: 0 of the scaled image, which under "
    "--scaling=centered is mid-grey (the paper); black; the mean of the training images there; or "
    "the image blurred. Of the same kind is what is shown and explained.",
)
define.number("output_scale", None, "Factor on the masked image.", above=0)
define.number("sparsity", None, "Weight lambda of the expected L0.", at_least=0)
define.enumeration("l0_reduction", None, ["sum", "mean"], "Expected L0 over pixels.")
define.number("smoothness", None, "Weight against the mask's roughness; negative rewards it.")
define.integer(
    "alternating_steps",
    None,
    "Mask steps before each classifier step; 0 moves both at once.",
    at_least=0,
)
define.number("beta", None, "Temperature of the hard-concrete gate.", above=0)
define.number(
    "gamma",
    None,
    "Lower end of the gate's stretched interval; towards 0 fewer gates close.",
    below=0,
)
define.number(
    "zeta",
    None,
    "Upper end of the gate's stretched interval; towards 1 fewer gates open fully.",
    above=1,
)

define.enumeration(
    "mask",
    None,
    list(FORMS),
    "Where log_alpha lives: in a generator or in a table of the training images.",
    kind=Kind.METHOD,
)
define.integer("generator_depth", None, "Layers of the generator.", at_least=1, at_most=5)
define.integer("generator_width", None, "Channels of the generator's hidden layers.", at_least=1)
define.integer(
    "generator_pooling", None, "Side of the pixel square that shares a gate.", at_least=1
)
define.integer("generator_channels", None, "Gates per pixel: 1, or one a colour.", at_least=1)
define.number("generator_bias", None, "Initial bias of the generator's output.")
define.number("log_alpha_mean", None, "Mean of the initial (RandomMask: every) log_alpha.")
define.number("log_alpha_stddev", None, "Standard deviation of the initial log_alpha.", at_least=0)
define.boolean(
    "fixed_masks", None, "Whether each image has one random mask for good, not one for each step."
)
define.integer(
    "mask_block", None, "Side of the pixel square that shares a gate of a random mask.", at_least=1
)
define.integer(
    "num_masks",
    None,
    "Random masks drawn for an image, of which the one that changes the prediction most counts.",
    at_least=1,
)
define.number(
    "divergence_confidence",
    None,
    "Probability of the likeliest class from which on D counts; below it there is no adversary.",
    at_least=0,
    at_most=1,
)
define.number(
    "mask_learning_rate",
    None,
    "The mask optimizer's learning rate; 0 leaves the mask as it starts out.",
    at_least=0,
)
define.boolean(
    "mask_decay", None, "Whether the mask's learning rate follows the classifier's schedule."
)

define.number("consistency_weight", None, "Weight of the consistency of predictions.", at_least=0)
define.number(
    "consistency_ramp_epochs", None, "Epochs over which that weight rises from 0.", above=0
)
define.number(
    "ensemble_momentum",
    None,
    "Momentum of Temporal Ensembling's targets, per epoch.",
    at_least=0,
    below=1,
)
define.number(
    "teacher_decay",
    None,
    "Share of its weights that a step leaves Mean Teacher's teacher.",
    at_least=0,
    at_most=1,
)
define.number(
    "early_teacher_decay",
    None,
    "--teacher_decay during --consistency_ramp_epochs.",
    at_least=0,
    at_most=1,
)
define.boolean(
    "consistency_on_labeled",
    None,
    "Whether labeled images of a joined batch count in Mean Teacher's consistency.",
)

define.number("entropy_weight", None, "Weight of the entropy of predictions.", at_least=0)
define.number("pseudo_label_weight", None, "Weight of the pseudo-labels' term.", at_least=0)
define.number(
    "confidence_threshold",
    None,
    "Probability from which on a prediction is taken for a pseudo-label.",
    at_least=0,
    at_most=1,
)

define.number("noise_stddev", None, "The ladder's noise at the input and every level.", at_least=0)
define.numbers(
    "denoising_weights",
    None,
    "The ladder's lambda of each level, from the input to the top, with commas between.",
    at_least=0,
)
define.integer(
    "statistics_batches",
    None,
    "Labeled batches that the ladder takes its statistics for prediction from.",
    at_least=1,
)

define.enumeration(
    "generator",
    None,
    ["catgan_mlp", "catgan_conv", "gan_mlp", "gan_conv"],
    "The network that generates a GAN's images.",
)
define.enumeration(
    "feature_distance",
    None,
    ["squared", "absolute"],
    "Distance of the feature-matching GAN's mean features: (a - b)^2 or |a - b|.",
)
define.boolean(
    "separate_batches",
    None,
    "Whether each player of the feature-matching GAN gets every other unlabeled image of a batch.",
)

define.number(
    "ema_decay",
    None,
    "Keep an average of the classifier's weights, with this decay.",
    above=0,
    below=1,
)
define.boolean("evaluate_ema", None, "Evaluate and export that average.")
