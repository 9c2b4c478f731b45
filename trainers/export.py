"""Exports a run as a SavedModel: python -m trainers.export --workdir=RUN --output=DIR."""

import functools

import flags.programs  # noqa: F401 (defines --output)
from trainers.errors import UsageError
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_VALUES = ("workdir", "weights", "output", "quiet")
_FLAGS = (*_VALUES, "data_dir")

_work = program.Late("trainers.work.export")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, exports, says where the model is."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, weights, output, quiet = experiment_lib.program_flags(*_VALUES)
        if not output:
            raise UsageError("--output must name a directory. Received: nothing")
        refuse_unwritable(output, flag="--output")
        run_flags.read(workdir)
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(workdir, weights=weights, output=output, quiet=quiet))


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
