"""Flags of training: how long, how fast, on what, and where the run is kept."""

import re

from absl import flags

from flags import define
from flags.define import Kind


def _is_range(text: str) -> bool:
    numbers = re.fullmatch(r"(\d+):(\d+)", text)
    return numbers is not None and int(numbers[1]) < int(numbers[2])


define.string(
    "workdir",
    None,
    "Directory of the run; made if missing.",
    kind=Kind.CALL,
)
define.integer(
    "seed",
    1,
    "Seed of splits, weights, batches and noise.",
    at_least=0,
    at_most=2**32 - 1,  # NumPy's
    kind=Kind.TASK,
)
define.integer(
    "label_seed",
    None,
    "Seed of the draw of labels and validation images alone; else --seed draws them too.",
    at_least=0,
    at_most=2**32 - 1,
    kind=Kind.TASK,
)
define.integer(
    "train_steps",
    2000,
    "Steps to train.",
    at_least=1,
    kind=Kind.TASK,
)
define.integer(
    "steps_per_epoch",
    500,
    "Steps between evaluations and schedule changes.",
    at_least=1,
    kind=Kind.TASK,
)
define.integer(
    "log_every",
    100,
    "Steps between logged means.",
    at_least=1,
    kind=Kind.RECORD,
)
define.integer(
    "checkpoint_every",
    5000,
    "Steps between checkpoints; the last step has one.",
    at_least=1,
    kind=Kind.RECORD,
)
define.integer(
    "summary_every",
    0,
    "Steps between TensorBoard's pictures and histograms; 0: whole epochs, at most 8 times a run.",
    at_least=0,
    kind=Kind.RECORD,
)
define.string(
    "profile_steps",
    None,
    "A:B profiles steps A + 1 to B into --workdir, for TensorBoard with the package "
    "tensorboard-plugin-profile.",
    kind=Kind.CALL,
)
flags.register_validator(
    "profile_steps",
    lambda value: value is None or _is_range(value),
    message="must be A:B, two numbers of steps of which the second is larger",
)
define.number(
    "learning_rate",
    1e-3,
    "The classifier's initial learning rate.",
    above=0,
    search="log:1e-4:1e-2",
)
define.number("beta_1", 0.9, "Adam's beta_1 at the start.", at_least=0, below=1)
define.boolean("epsilon_in_root", False, "Add Adam's 1e-8 to the mean square, not to its root.")
define.enumeration(
    "schedule",
    "constant",
    ["constant", "exponential", "linear", "ramps"],
    "exponential: times --decay_rate each epoch; linear: to 0 from --decay_start on; ramps: up in "
    "--ramp_up_epochs and down in --ramp_down_epochs.",
)
define.number(
    "decay_rate", 0.95, "Factor per epoch of the exponential schedule.", above=0, at_most=1
)
define.number(
    "decay_start",
    0.0,
    "Share of --train_steps after which the linear schedule sets in.",
    at_least=0,
    below=1,
)
define.integer(
    "decay_delay",
    0,
    "Epochs by which each value of the linear schedule takes effect late: 1 where a script "
    "applies it after the epoch.",
    at_least=0,
)
define.number("decay_scale", 1.0, "Factor on the values of the linear schedule.", above=0)
define.number("decay_floor", 0.0, "Added to the values of the linear schedule.", at_least=0)
define.number(
    "late_beta_1",
    None,
    "The classifier optimizer's beta_1 once the linear schedule takes effect, or at the end of the "
    "ramp down.",
    at_least=0,
    below=1,
)
define.number("ramp_up_epochs", 0.0, "Epochs in which the learning rate rises.", at_least=0)
define.number("ramp_down_epochs", 0.0, "Last epochs, in which the learning rate falls.", at_least=0)
define.boolean(
    "ramp_by_step",
    False,
    "Ramps go by steps, not by epochs; by epochs the consistency weight is 0 in the first.",
)
define.number(
    "early_beta_2",
    None,
    "The classifier optimizer's beta_2 during --ramp_up_epochs.",
    above=0,
    below=1,
)
define.enumeration(
    "precision", "float32", ["float32", "mixed_bfloat16"], "Keras dtype policy of the classifier."
)
define.enumeration(
    "tf32",
    "on",
    ["on", "off"],
    "On GPUs, let products of float32 round their factors to 10 bits of mantissa; off is exact and "
    "several times slower.",
    kind=Kind.PLACE,
)
define.enumeration(
    "jit",
    "auto",
    ["auto", "on", "off"],
    "Compile each step with XLA; auto: on a GPU, on several what lies between their sums.",
    kind=Kind.PLACE,
)
define.enumeration(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "multi_worker"],
    "auto mirrors over the GPUs where there is more than one; multi_worker: over those of all "
    "machines in TF_CONFIG.",
    kind=Kind.PLACE,
)
define.number(
    "connect_seconds",
    300.0,
    "How long the machines of --strategy=multi_worker wait for one another at the start.",
    above=0,
    kind=Kind.CALL,
)
define.boolean(
    "test",
    True,
    "Evaluate on the test images at the end; --notest while settings are chosen.",
    kind=Kind.CALL,
)
define.integer(
    "stop_at",
    None,
    "Step, at the end of an epoch, at which to save and stop; the same run goes on from there.",
    at_least=1,
    kind=Kind.CALL,
)
define.boolean(
    "quiet",
    False,
    "Print no progress.",
    kind=Kind.CALL,
)
define.boolean(
    "brief",
    False,
    "End with one line instead of a table and what to type next.",
    kind=Kind.CALL,
)
