"""Flags of training: how long, how fast, on what, and where the run is kept."""

from absl import flags

flags.DEFINE_string("workdir", None, "Directory of the run; made if missing.")
flags.DEFINE_integer("seed", 1, "Seed of splits, weights, batches and noise.", lower_bound=0)
flags.DEFINE_string("model", "mlp", "The classifier's architecture.")
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
flags.DEFINE_float("learning_rate", 1e-3, "The classifier's initial learning rate.")
flags.DEFINE_enum(
    "schedule",
    "constant",
    ["constant", "exponential", "linear"],
    "constant; exponential: times --decay_rate each epoch; linear: to 0 from --decay_start on.",
)
flags.DEFINE_float("decay_rate", 0.95, "Factor per epoch of the exponential schedule.")
flags.DEFINE_float(
    "decay_start", 0.0, "Share of --train_steps after which the linear schedule sets in."
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
    ["auto", "one_device", "mirrored", "multi_worker"],
    "auto mirrors over the GPUs where there is more than one.",
)
flags.DEFINE_boolean("quiet", False, "Print no progress.")
flags.DEFINE_boolean("brief", False, "End with one line instead of a table and what to type next.")
