"""Flags of the programs other than trainers.train."""

from absl import flags

flags.DEFINE_string(
    "table",
    None,
    "Folder of flags/experiments whose runs are to be made, several with commas; or speed.",
)
flags.DEFINE_list("datasets", None, "Data sets of the table, e.g. mnist,svhn; all by default.")
flags.DEFINE_integer("workers", 1, "Runs of the table to make at the same time.", lower_bound=1)
flags.DEFINE_boolean(
    "quick", False, "A twentieth of the steps, to see that all works; its numbers are marked."
)
flags.DEFINE_boolean(
    "render", False, "Make the pages of results/ of the records in results/runs, and nothing else."
)
flags.DEFINE_string(
    "verify", None, "A record whose run's beginning, --steps long, is to be repeated and compared."
)
flags.DEFINE_string(
    "compare", None, "An earlier file of --table=speed --output=FILE.json to compare with."
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
flags.DEFINE_string(
    "seeds",
    None,
    "trainers.train: seeds with commas between, in place of --seed, trained one after another in "
    "--workdir/seed_<seed>. trainers.reproduce: how many of each row, from 1 on.",
)
flags.DEFINE_list(
    "referee",
    None,
    "Runs trained with random masks, which judge explanations: directories, or a quoted pattern of "
    "such; one, or one for each --fill and each seed.",
)
flags.DEFINE_integer(
    "num_images",
    None,
    "Test images to look at; by default trainers.explain takes 500, trainers.robustness all.",
    lower_bound=2,
)
