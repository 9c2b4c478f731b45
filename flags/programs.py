"""Flags of the programs other than trainers.train."""

from absl import flags

flags.DEFINE_string(
    "table", None, "Folder of flags/experiments whose runs are to be made; several with commas."
)
flags.DEFINE_string(
    "record",
    None,
    "Runs to make records of: a directory, a quoted pattern of such, several with commas between; "
    "they go to results/runs, or to --output.",
)
flags.DEFINE_enum("split", "test", ["test", "validation"], "Which images a run is evaluated on.")
flags.DEFINE_enum(
    "weights",
    "last",
    ["last", "best", "ema"],
    "Weights of the last step, of the best one on validation, or averaged over steps.",
)
flags.DEFINE_enum(
    "figure",
    "masks",
    ["masks", "3", "5a", "5b", "6", "moons", "circles", "confusion", "curves"],
    "Which figure to draw; numbers are those of the paper.",
)
flags.DEFINE_string("additive_workdir", None, "Directory of a run of vat or at to show beside it.")
flags.DEFINE_string("output", None, "Where the result goes: a picture's file, a directory.")
flags.DEFINE_string("raw_dir", None, "Folder of the published files for trainers.prepare_data.")
