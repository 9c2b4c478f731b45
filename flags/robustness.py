"""Flags of trainers.robustness: which attacks, how strong, and how hard they search."""

from absl import flags

from flags import define

# By the attacks' names on the command line, in files and on the left of tables.
IN_BALLS = ("fgsm", "pgd", "apgd_ce", "apgd_dlr", "square")
REMOVALS = (
    *("greedy_removal", "trained_removal"),
    *("generated_removal", "random_removal"),
)
ATTACKS = (*IN_BALLS, *REMOVALS)

flags.DEFINE_list("attacks", None, f"Attacks to run, of {', '.join(ATTACKS)}; all by default.")
define.numbers(
    "linf",
    [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15],
    "Epsilons of L-infinity, as shares of the range of pixels: 0.03 is about 8 of 255.",
    at_least=0.0,
)
define.numbers(
    "l2",
    [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0],
    "Epsilons of L2: lengths of the change, the range of pixels being 1.",
    at_least=0.0,
)
define.numbers(
    "removed",
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5],
    "Shares of an image's pixels that are removed, at most 1.",
    at_least=0.0,
)
flags.DEFINE_integer(
    "attack_steps",
    50,
    "Gradients of one search by pgd, apgd and trained_removal; greedy_removal takes half of them.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "restarts", 1, "Searches of pgd, apgd and square from other starts.", lower_bound=1
)
flags.DEFINE_integer("queries", 500, "Logits that square asks for in one search.", lower_bound=1)
flags.DEFINE_boolean(
    "doubt",
    True,
    "Look for attacks that are too weak: repeat each at one strength with four times its steps.",
)
