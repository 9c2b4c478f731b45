"""Times the training step of every method: python -m trainers.benchmark --output=FILE.json.

On synthetic data of two settings, or on the real data of experiments:

python -m trainers.benchmark --experiments='flags/experiments/digits/*.flags' --steps=20
"""

import functools
import os
import pathlib
from collections.abc import Collection

import flags.benchmark
import flags.programs  # noqa: F401 (these define the flags below)
from trainers import called
from trainers.benchmarking import experiment_rows
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings import program

# The sizes of trainers/work/benchmark.py.
_MODELS = ("mlp", "conv_large")
_PRECISIONS = ("float32", "mixed_bfloat16")
_JIT = ("off", "on")
_OF_SETTINGS = ("models", "methods", "precisions", "jits", "repeats", "seconds", "output")
_OF_EXPERIMENTS = ("experiments", "steps", "output", *experiment_rows.FLAGS)
_FLAGS = tuple(dict.fromkeys((*_OF_SETTINGS, *_OF_EXPERIMENTS)))

_work = program.Late("trainers.work.benchmark")
__getattr__ = _work.attribute


def main(argv: list[str]) -> int:
    """Reads the flags, measures row by row, shows the tables."""
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        output, patterns = experiment_lib.program_flags("output", "experiments")
        if output and not _can_hold_a_file(pathlib.Path(output)):
            raise UsageError(
                "--output must name a file in a folder that can be written. "
                f"Received: --output={output}"
            )
        if patterns is None:
            experiment_lib.refuse_untaken_flags(*_OF_SETTINGS, where=" without --experiments")
            chosen = {
                "models": _chosen("models", _MODELS),
                "precisions": _chosen("precisions", _PRECISIONS),
                "jits": _chosen("jits", _JIT, ()),
                "methods": _chosen(
                    "methods", flags.benchmark.TIMED, flags.benchmark.TIMED_BY_DEFAULT
                ),
            }
        else:
            experiment_lib.refuse_untaken_flags(*_OF_EXPERIMENTS, where=" with --experiments")
            planned = experiment_rows.plan(patterns)
    except ValueError as error:
        return program.mistake(error)
    with called.ending_together():
        if patterns is None:
            return int(_work.run_settings(output, **chosen))
        return int(_work.run_experiments(output, planned))


def _can_hold_a_file(path: pathlib.Path) -> bool:
    return path.parent.is_dir() and not path.is_dir() and os.access(path.parent, os.W_OK)


def _chosen(
    name: str, known: Collection[str], by_default: Collection[str] | None = None
) -> list[str]:
    """The names that a flag lists; those by default, or all, where it is not given.

    Raises:
        UsageError: for an unknown name, or one that is listed twice.
    """
    (names,) = experiment_lib.program_flags(name)
    if names is None:
        return list(known if by_default is None else by_default)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise UsageError(
            f"--{name} must name some of {', '.join(known)}, each once. "
            f"Received: --{name}={','.join(names)}"
        )
    return list(names)


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
