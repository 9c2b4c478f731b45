"""Flags of trainers.benchmark: what it times, and for how long."""

from absl import flags

from flags.ranges import define_float

flags.DEFINE_list("models", None, "Of mlp, conv_large; all by default.")
flags.DEFINE_list(
    "methods", None, "Of mle, at, vat, xvat_inductive, xvat_transductive; all by default."
)
flags.DEFINE_list("precisions", None, "Of float32, mixed_bfloat16; both by default.")
flags.DEFINE_list("jits", None, "Of off, on: without and with XLA; on where there is a GPU.")
flags.DEFINE_integer("repeats", 20, "Rounds at most, three at least.", lower_bound=3)
define_float("seconds", 60.0, "About how long the rounds of a row take.", above=0)
flags.DEFINE_list(
    "experiments",
    None,
    "Flagfiles, or quoted patterns of such, to time on their data instead of the settings above; "
    "flags of trainers.train beside it go to each that takes them.",
)
flags.DEFINE_integer("steps", 20, "Steps to time of each of --experiments.", lower_bound=1)
