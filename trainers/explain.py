"""Asks whether a mask explains: python -m trainers.explain --workdir=RUN --output=DIR.

Switches pixels off, and on, in the order in which each explanation ranks them, and follows the
class: xVAT's masks, gradients, RISE and others, and orders that know nothing of the classifier.
--referee=RUN asks a second classifier too, one that was trained with random masks: for it masked
images are none that it has never seen. Writes explain.json, explain.csv and pictures into --output.
"""

import functools

import flags.programs  # noqa: F401 (defines --referee, --num_images and --output)
from trainers.errors import UsageError
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

_FLAGS = ("workdir", "referee", "num_images", "output", "quiet")

_work = program.Late("trainers.work.explain")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, measures, shows the table."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, referees, num_images, output, quiet = experiment_lib.program_flags(*_FLAGS)
        if not output:
            raise UsageError("--output must name the directory of the results. Received: nothing")
        refuse_unwritable(output, flag="--output")
        run_flags.read(workdir)
        for referee in referees or ():
            run_flags.read(referee, flag="--referee")
    except ValueError as error:
        return program.mistake(error)
    return int(
        _work.run(
            workdir,
            referees or (),
            num_images=500 if num_images is None else num_images,
            output=output,
            quiet=quiet,
        )
    )


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
