"""Flags of training: how long, how fast, on what, and where the run is kept."""

import re

from absl import flags

from flags.ranges import define_float


def _is_range(text: str) -> bool:
    numbers = re.fullmatch(r"(\d+):(\d+)", text)
    return numbers is not None and int(numbers[1]) < int(numbers[2])


flags.DEFINE_string("workdir", None, "Directory of the run; made if missing.")
flags.DEFINE_integer("seed", 1, "Seed of splits, weights, batches and noise.", lower_bound=0)
flags.DEFINE_integer("train_steps", 2000, "Steps to train.", lower_bound=1)
flags.DEFINE_integer(
    "steps_per_epoch", 500, "Steps between evaluations and schedule changes.", lower_bound=1
)
flags.DEFINE_integer("log_every", 100, "Steps between logged means.", lower_bound=1)
flags.DEFINE_integer(
    "checkpoint_every",
    5000,
    "Steps between checkpoints; the last step has one.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "summary_every",
    0,
    "Steps between TensorBoard's pictures and histograms; 0: whole epochs, at most 8 times a run.",
    lower_bound=0,
)
flags.DEFINE_string(
    "profile_steps",
    None,
    "A:B profiles steps A + 1 to B into --workdir, for TensorBoard with the package "
    "tensorboard-plugin-profile.",
)
flags.register_validator(
    "profile_steps",
    lambda value: value is None or _is_range(value),
    message="must be A:B, two numbers of steps of which the second is larger",
)
define_float("learning_rate", 1e-3, "The classifier's initial learning rate.", above=0)
define_float("beta_1", 0.9, "Adam's beta_1 at the start.", at_least=0, below=1)
flags.DEFINE_boolean(
    "epsilon_in_root", False, "Add Adam's 1e-8 to the mean square, not to its root."
)
flags.DEFINE_enum(
    "schedule",
    "constant",
    ["constant", "exponential", "linear", "ramps"],
    "exponential: times --decay_rate each epoch; linear: to 0 from --decay_start on; ramps: up in "
    "--ramp_up_epochs and down in --ramp_down_epochs.",
)
define_float(
    "decay_rate", 0.95, "Factor per epoch of the exponential schedule.", above=0, at_most=1
)
define_float(
    "decay_start",
    0.0,
    "Share of --train_steps after which the linear schedule sets in.",
    at_least=0,
    below=1,
)
flags.DEFINE_integer(
    "decay_delay",
    0,
    "Epochs by which each value of the linear schedule takes effect late: 1 where a script "
    "applies it after the epoch.",
    lower_bound=0,
)
define_float("decay_scale", 1.0, "Factor on the values of the linear schedule.", above=0)
define_float("decay_floor", 0.0, "Added to the values of the linear schedule.", at_least=0)
define_float(
    "late_beta_1",
    None,
    "The classifier optimizer's beta_1 once the linear schedule takes effect, or at the end of the "
    "ramp down.",
    at_least=0,
    below=1,
)
define_float("ramp_up_epochs", 0.0, "Epochs in which the learning rate rises.", at_least=0)
define_float("ramp_down_epochs", 0.0, "Last epochs, in which the learning rate falls.", at_least=0)
flags.DEFINE_boolean(
    "ramp_by_step",
    False,
    "Ramps go by steps, not by epochs; by epochs the consistency weight is 0 in the first.",
)
define_float(
    "early_beta_2",
    None,
    "The classifier optimizer's beta_2 during --ramp_up_epochs.",
    above=0,
    below=1,
)
flags.DEFINE_enum(
    "precision", "float32", ["float32", "mixed_bfloat16"], "Keras dtype policy of the classifier."
)
flags.DEFINE_enum(
    "jit", "auto", ["auto", "on", "off"], "Compile each step with XLA; auto: on one GPU."
)
flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored"],
    "auto mirrors over the GPUs where there is more than one.",
)
flags.DEFINE_boolean(
    "test", True, "Evaluate on the test images at the end; --notest while settings are chosen."
)
flags.DEFINE_integer(
    "stop_at",
    None,
    "Step, at the end of an epoch, at which to save and stop; the same run goes on from there.",
    lower_bound=1,
)
flags.DEFINE_boolean("quiet", False, "Print no progress.")
flags.DEFINE_boolean("brief", False, "End with one line instead of a table and what to type next.")
