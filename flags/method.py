"""Flags of the methods; None leaves a method's default, one that it does not take is an error."""

from absl import flags

flags.DEFINE_string("method", "xvat", "mle, at, vat, xat, xvat or random_mask.")
flags.DEFINE_float("clean_weight", None, "Weight of the clean cross-entropy.")
flags.DEFINE_float("adversarial_weight", None, "Weight of the adversarial term.")

flags.DEFINE_float("epsilon", None, "Size of the additive perturbation.")
flags.DEFINE_string("norm", None, "Norm of AT's perturbation: linf or l2.")
flags.DEFINE_float("xi", None, "Length of VAT's finite difference.")
flags.DEFINE_integer("num_power_iterations", None, "VAT's power iterations.")
flags.DEFINE_boolean("share_noise", None, "Whether VAT's unlabeled passes share a dropout mask.")

flags.DEFINE_string("divergence", None, "D(x, z): kl, reverse_kl or cross_entropy.")
flags.DEFINE_float("output_scale", None, "Factor on the masked image.")
flags.DEFINE_float("sparsity", None, "Weight lambda of the expected L0.")
flags.DEFINE_string("l0_reduction", None, "Expected L0 over pixels: sum or mean.")
flags.DEFINE_float("smoothness", None, "Weight against the mask's roughness; negative rewards it.")
flags.DEFINE_integer(
    "alternating_steps", None, "Mask steps before each classifier step; 0 moves both at once."
)
flags.DEFINE_float("beta", None, "Temperature of the hard-concrete gate.")
flags.DEFINE_float("gamma", None, "Lower end of the gate's stretched interval.")
flags.DEFINE_float("zeta", None, "Upper end of the gate's stretched interval.")

flags.DEFINE_string(
    "mask", None, "Where log_alpha lives: inductive (a generator) or transductive (a table)."
)
flags.DEFINE_integer("generator_depth", None, "Layers of the generator.")
flags.DEFINE_integer("generator_width", None, "Channels of the generator's hidden layers.")
flags.DEFINE_integer("generator_pooling", None, "Side of the pixel square that shares a gate.")
flags.DEFINE_integer("generator_channels", None, "Gates per pixel: 1, or one a colour.")
flags.DEFINE_float("generator_bias", None, "Initial bias of the generator's output.")
flags.DEFINE_float("log_alpha_mean", None, "Mean of the initial (RandomMask: every) log_alpha.")
flags.DEFINE_float("log_alpha_stddev", None, "Standard deviation of the same.")
flags.DEFINE_float("mask_learning_rate", None, "The mask optimizer's learning rate.")
flags.DEFINE_boolean(
    "mask_decay", None, "Whether the mask's learning rate follows the classifier's schedule."
)
