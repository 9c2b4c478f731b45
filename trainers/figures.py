"""Draws what runs learned: python -m trainers.figures --workdir=RUN --output=FILE.png.

--figure chooses the figure. masks: what a run's masks, or additive perturbations, do to training
images, with --additive_workdir both beside each other. 5a: masks of a run over its training, which
is repeated for it, with --train_steps only its beginning. confusion: the confusion matrix of a run.

Several runs, as in --workdir=A,B or --workdir='runs/mnist_*', are shown by 5b (a run with masks for
each data set, beside one of vat or at in --additive_workdir), 6 (histograms of weights) and curves,
which also takes records: --workdir='results/runs/*.json'.

No run needs 3 (what epsilon does), moons and circles, which train on points of a plane, 1,000 steps
unless --train_steps says otherwise; --output_scale is the epsilon of their masks.

--output is a file that ends in .png, .pdf or .svg, or several with commas between; moons and
circles move in one that ends in .gif or .apng.
"""

import functools
import glob
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags as absl_flags

import flags.programs  # noqa: F401 (defines --figure, --additive_workdir and --output)
from trainers.errors import UsageError
from trainers.evaluate import find_runs
from trainers.run.storage import refuse_unwritable
from trainers.settings import experiment as experiment_lib
from trainers.settings import program, run_flags

# What each figure takes beside those that all take.
_TAKEN: Mapping[str, Sequence[str]] = {
    "masks": ("workdir", "additive_workdir"),
    "3": ("seed", "train_steps"),
    "5a": ("workdir", "train_steps"),
    "5b": ("workdir", "additive_workdir"),
    "6": ("workdir",),
    "moons": ("seed", "train_steps", "output_scale"),
    "circles": ("seed", "train_steps", "output_scale"),
    "confusion": ("workdir", "split", "weights"),
    "curves": ("workdir",),
}
_ALL = ("figure", "output", "quiet")
# Those that look at a run's images.
_OF_DATA = ("masks", "5a", "5b", "6", "confusion")
_FLAGS = tuple(
    dict.fromkeys([*_ALL, *(flag for taken in _TAKEN.values() for flag in taken), "data_dir"])
)
_OF_SEVERAL_RUNS = ("5b", "6", "curves")
_ANIMATED = ("moons", "circles")

_work = program.Late("trainers.work.figures")
__getattr__ = _work.attribute
_figures = program.Late("xadv_tf.figures")  # Of matplotlib, which --help does not wait for.


def main(argv: list[str]) -> int:
    """Reads the flags, draws, says where the pictures are."""
    try:
        experiment_lib.refuse_arguments(argv)
        figure, output, quiet = experiment_lib.program_flags(*_ALL)
        where = f" with --figure={figure}" if absl_flags.FLAGS["figure"].present else ""
        taken = (*_ALL, *_TAKEN[figure], *(("data_dir",) if figure in _OF_DATA else ()))
        experiment_lib.refuse_untaken_flags(*taken, where=where)
        outputs = _outputs(figure, output)
        given = _given(figure)
    except ValueError as error:
        return program.mistake(error)
    return int(_work.run(figure, given, outputs=outputs, quiet=quiet))


def _outputs(figure: str, output: str | None) -> list[str]:
    """The files to write."""
    formats = (*_figures.FORMATS, *(_figures.ANIMATIONS if figure in _ANIMATED else ()))
    outputs = (output or "").split(",")
    for part in outputs:
        if pathlib.Path(part).suffix[1:] not in formats:
            raise UsageError(
                f"--output must name a picture's file, ending in .{', .'.join(formats)}. "
                f"Received: {f'--output={output}' if output else 'nothing'}"
            )
        refuse_unwritable(os.path.dirname(part) or ".", flag="--output")
    return outputs


def _given(figure: str) -> dict[str, Any]:
    """The values of the figure's own flags, runs looked for."""
    names = _TAKEN[figure]
    given = dict(zip(names, experiment_lib.program_flags(*names), strict=True))
    if "train_steps" in given and not absl_flags.FLAGS["train_steps"].present:
        given["train_steps"] = None  # Its default is that of trainers.train.
    if figure == "curves" and (given["workdir"] or "").endswith(".json"):
        return {"workdirs": _records(given["workdir"])}
    if figure in _OF_SEVERAL_RUNS:
        for flag in ("workdir", "additive_workdir"):
            if flag in given:
                given[f"{flag}s"] = find_runs(given.pop(flag), flag=f"--{flag}")
        return given
    for flag in ("workdir", "additive_workdir"):
        if flag in given and (given[flag] or flag == "workdir"):
            run_flags.read(given[flag], flag=f"--{flag}")
    return given


def _records(patterns: str) -> list[str]:
    """The files of records that --workdir names."""
    found = [sorted(glob.glob(pattern)) for pattern in patterns.split(",")]
    if not all(found):
        raise UsageError(
            f"--workdir must name files of records that are there. Received: --workdir={patterns}"
        )
    return [file for files in found for file in files]


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
