"""Raw files to a TFDS folder: python -m trainers.prepare_data --dataset= --raw_dir= --data_dir=."""

import functools
import pathlib

import flags.programs  # noqa: F401 (defines --raw_dir)
from trainers import raw_files
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, value_texts

_FLAGS = ("dataset", "raw_dir", "data_dir", "quiet")

_work = program.Late("trainers.work.prepare_data")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, prepares the data set, says what there is and what to type next."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        dataset, raw_dir, data_dir, quiet = experiment_lib.program_flags(*_FLAGS)
        value_texts.refuse_in_environment("TFDS_DATA_DIR")
        raw_files.refuse_unknown(dataset)
        if raw_dir:  # Not needed where the data set is there.
            raw_files.find(dataset, pathlib.Path(raw_dir).expanduser())
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(dataset, raw_dir, data_dir, quiet=quiet))


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
