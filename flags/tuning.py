"""Flags of trainers.tune: which flags are searched, how, and for how long."""

from absl import flags

flags.DEFINE_enum(
    "tuner",
    "bayesian",
    ["random", "bayesian", "hyperband", "grid"],
    "How the next settings are chosen; hyperband stops most trials early.",
)
flags.DEFINE_integer(
    "trials",
    None,
    "Settings to try at most; by default 10, or all that hyperband or the grid has.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "executions", 1, "Runs of each settings, with the seeds from --seed on.", lower_bound=1
)
flags.DEFINE_multi_string(
    "search",
    None,
    "A flag to search besides those that its method declares, as often as needed: "
    "FLAG=log:LOW:HIGH, FLAG=linear:LOW:HIGH, FLAG=int:LOW:HIGH, FLAG=choice:A,B,..., or FLAG "
    "alone for the method's range although the flag is given.",
)
