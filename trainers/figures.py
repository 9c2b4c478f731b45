"""Draws what runs learned: python -m trainers.figures --workdir=RUN --output=FILE.png."""

import functools
import os

import flags.programs  # noqa: F401 (defines --additive_workdir and --output)
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_FLAGS = ("workdir", "additive_workdir", "output", "quiet")

_work = program.Late("trainers.work.figures")
__getattr__ = _work.attribute
_figures = program.Late("xadv_tf.figures")  # Of matplotlib, which --help does not wait for.


def main(argv: list[str]) -> int:
    """Reads the flags, draws, says where the picture is."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, additive_workdir, output, quiet = experiment_lib.program_flags(*_FLAGS)
        _figures.check_name(output)
        refuse_unwritable(os.path.dirname(output) or ".", flag="--output")
        run_flags.read(workdir)
        if additive_workdir:
            run_flags.read(additive_workdir, flag="--additive_workdir")
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(workdir, additive_workdir, output=output, quiet=quiet))


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
