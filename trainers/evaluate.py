"""Evaluates runs: python -m trainers.evaluate --workdir=RUN [--split=validation] [--weights=best].

Each run gets evaluation.json, confusion.png and reliability.png, in its own directory or below
--output. Several runs, as in --workdir=A,B or --workdir='runs/mnist_*', are then compared: runs
that differ in their seed alone share a row, also written to seeds.json below --output. Runs that
are not finished are evaluated, but have no part in a row.
"""

import functools
import glob
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import logging

import flags.programs  # noqa: F401 (defines --split and --output)
from trainers.errors import UsageError
from trainers.reports import evaluation, seeds
from trainers.run.loop import Loop
from trainers.run.provenance import provenance
from trainers.run.restore import restore
from trainers.run.storage import refuse_unwritable, write_aside
from trainers.settings import experiment as experiment_lib
from trainers.settings import program
from xadv_tf import figures

_FLAGS = ("workdir", "split", "weights", "output", "quiet")


def evaluate(
    workdir: str, *, split: str = "test", weights: str = "last"
) -> tuple[evaluation.Evaluation, dict[str, Any]]:
    """Evaluates one checkpoint of a run.

    Args:
        workdir: the run's directory.
        split: "test" or "validation".
        weights: "last", "best" or "ema", see `restore`.

    Returns:
        The evaluation, and what evaluation.json is to hold.

    Raises:
        UsageError: if the run cannot be read or has no such images, or its classifier is broken.
    """
    experiment, data, method = restore(workdir, weights=weights)
    images, labels = data.test if split == "test" else data.validation
    if not len(labels):
        raise UsageError(
            f"--split={split} needs a run with --num_validation above 0. "
            f"Received: --workdir={workdir}"
        )
    loop = Loop(method, data.pool, data.sampler, strategy=tf.distribute.get_strategy())
    class_names = data.dataset.class_names
    try:
        measured = evaluation.measure(loop.predict(images), labels, class_names)
    except ValueError as error:
        raise UsageError(f"--workdir={workdir} cannot be evaluated: {error}") from error
    about = {
        "workdir": workdir,
        "method": experiment.label,
        "dataset": experiment.dataset,
        "seed": experiment.seed,
        "split": split,
        "weights": weights,
        "step": loop.step,
        **measured.report(),
        **provenance(),
    }
    return measured, about


def write(measured: evaluation.Evaluation, about: dict[str, Any], folder: pathlib.Path) -> None:
    """Writes evaluation.json, and confusion and reliability as pictures.

    Evaluations on other images or with other weights have that in their names (see `file_name`):
    they do not take the place of the one that counts.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def place(name: str) -> pathlib.Path:
        return folder / evaluation.file_name(name, about["split"], about["weights"])

    title = f"{describe(about)}: {100 * measured.accuracy:.2f} % of {measured.examples:,} right"
    confusion = figures.draw_confusion(measured.confusion, measured.class_names, title=title)
    figures.save(confusion, place("confusion.png"))
    reliability = figures.draw_reliability(measured.bins, title=describe(about))
    figures.save(reliability, place("reliability.png"))
    write_aside(place("evaluation.json"), json.dumps(about, indent=2) + "\n")


def describe(about: dict[str, Any]) -> str:
    """What was evaluated, in a few words."""
    weights = {"last": "", "best": ", best on validation", "ema": ", averaged weights"}
    return f"{about['method']} on {about['dataset']}, {about['split']}{weights[about['weights']]}"


def find_runs(workdir: str | None) -> list[str]:
    """The directories that --workdir names: one, several with commas between them, or a pattern.

    Raises:
        UsageError: for no directory, or a pattern that none fits.
    """
    found = []
    for part in filter(None, (workdir or "").split(",")):
        matches = [part]
        if glob.has_magic(part):
            # Files beside the runs, tables and pictures, are no runs.
            configs = glob.glob(f"{part}/config.flags")
            matches = sorted(str(pathlib.Path(config).parent) for config in configs)
        if not matches:
            raise UsageError(
                f"--workdir must fit the directory of a run. Received: --workdir={part}"
            )
        found += matches
    if not found:
        raise UsageError("--workdir must name a run's directory. Received: nothing")
    return list(dict.fromkeys(found))


def find_folders(runs: Sequence[str], output: str | None) -> list[pathlib.Path]:
    """Where each run's results go.

    Raises:
        UsageError: if two runs would share a place below --output.
    """
    if not output:
        return [pathlib.Path(run) for run in runs]
    if len(runs) == 1:
        return [pathlib.Path(output)]
    names = [pathlib.Path(run).resolve().name for run in runs]
    if len(set(names)) < len(names):
        raise UsageError(
            "--output has a folder for each run, so their names must differ. "
            f"Received: {', '.join(names)}"
        )
    return [pathlib.Path(output) / name for name in names]


def _compare(
    groups: Sequence[seeds.Group],
    reports: Mapping[str, dict[str, Any]],
    *,
    split: str,
    output: pathlib.Path | None,
    quiet: bool,
) -> None:
    """Takes together what `evaluate` gave for each run; writes it if there is a place for it."""
    groups, unfinished = seeds.leave_out_unfinished(groups)
    if unfinished:
        print(f"warning: not finished, hence in no row: {', '.join(unfinished)}", file=sys.stderr)
    summaries = [seeds.summarize([reports[run] for run in group.workdirs]) for group in groups]
    rows = list(zip(groups, summaries, strict=True))
    if output:
        told = [seeds.report(group, summary) for group, summary in rows]
        write_aside(output, json.dumps(told, indent=2) + "\n")
    if rows and not quiet:
        seeds.print_groups(rows, split=split)


def main(argv: list[str]) -> int:
    """Reads the flags, evaluates run by run, shows the numbers."""
    logging.set_verbosity(logging.ERROR)
    try:
        experiment_lib.refuse_arguments(argv)
        experiment_lib.refuse_untaken_flags(*_FLAGS)
        workdir, split, weights, output, quiet = experiment_lib.program_flags(*_FLAGS)
        runs = find_runs(workdir)
        folders = find_folders(runs, output)
        groups = seeds.group(runs)
        if output:
            refuse_unwritable(output, flag="--output")
        reports = {}
        for run, folder in zip(runs, folders, strict=True):
            keras.utils.clear_session()
            measured, reports[run] = evaluate(run, split=split, weights=weights)
            write(measured, reports[run], folder)
            title = describe(reports[run])
            if quiet:
                continue
            if len(runs) == 1:
                evaluation.print_evaluation(measured, title)
                print(f"Numbers and pictures: {folder}")
            else:
                print(f"{run}: {title}, accuracy {100 * measured.accuracy:.2f} %", flush=True)
        if len(runs) > 1:
            name = evaluation.file_name("seeds.json", split, weights)
            place = pathlib.Path(output) / name if output else None
            _compare(groups, reports, split=split, output=place, quiet=quiet)
    except (ValueError, OSError) as error:
        return program.mistake(error)
    return 0


cli = functools.partial(program.run, main, _FLAGS)

if __name__ == "__main__":
    cli()
