"""Flags of trainers.benchmark: what it times, and for how long."""

from absl import flags

from flags import define
from flags.methods import METHODS, rows

# Those that train any classifier on any batch: the others come with networks of their own.
TIMED = tuple(name for name, (method, _) in rows().items() if METHODS[method].combines)
# What the paper compares for speed, between the plainest method and its own.
TIMED_BY_DEFAULT = ("mle", "at", "vat", "xvat_inductive", "xvat_transductive")

flags.DEFINE_list("models", None, "Models to time, of mlp, conv_large; all by default.")
flags.DEFINE_list(
    "methods",
    None,
    f"trainers.benchmark: methods to time, of {', '.join(TIMED)}; by default "
    f"{', '.join(TIMED_BY_DEFAULT)}. trainers.reproduce: rows of the table, named as its flagfiles "
    "are, without the data set; all by default.",
)
flags.DEFINE_list(
    "precisions", None, "Precisions to time, of float32, mixed_bfloat16; both by default."
)
flags.DEFINE_list(
    "jits",
    None,
    "Compilers to time, off (without XLA) and on; by default on where there is a GPU, else off.",
)
flags.DEFINE_integer("repeats", 20, "Rounds at most, three at least.", lower_bound=3)
define.number("seconds", 60.0, "About how long the rounds of a row take.", above=0)
flags.DEFINE_list(
    "experiments",
    None,
    "Flagfiles, or quoted patterns of such, to time on their data instead of the settings above; "
    "flags of trainers.train beside it go to each that takes them.",
)
flags.DEFINE_integer(
    "steps",
    None,
    "trainers.benchmark: steps to time of each of --experiments, 20 by default. "
    "trainers.reproduce: steps to compare with --verify, 200 by default.",
    lower_bound=1,
)
