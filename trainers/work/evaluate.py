"""Evaluations of runs: numbers, pictures, and runs taken together."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from trainers.errors import UsageError
from trainers.reports import evaluation, run_by_run, seeds
from trainers.run.loop import Loop
from trainers.run.provenance import provenance
from trainers.run.restore import restore
from trainers.run.storage import storing, write_aside
from xadv_tf import figures


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

    figures.save(confusion_picture(measured, about), place("confusion.png"))
    reliability = figures.draw_reliability(measured.bins, title=describe(about))
    figures.save(reliability, place("reliability.png"))
    write_aside(place("evaluation.json"), json.dumps(about, indent=2) + "\n")


def confusion_picture(measured: evaluation.Evaluation, about: Mapping[str, Any]) -> Any:
    """The confusion matrix as a figure; arguments are what `evaluate` gives."""
    title = f"{describe(about)}: {100 * measured.accuracy:.2f} % of {measured.examples:,} right"
    return figures.draw_confusion(measured.confusion, measured.class_names, title=title)


def describe(about: Mapping[str, Any]) -> str:
    """What was evaluated, in a few words."""
    weights = {"last": "", "best": ", best on validation", "ema": ", averaged weights"}
    return f"{about['method']} on {about['dataset']}, {about['split']}{weights[about['weights']]}"


def _compare(
    groups: Sequence[seeds.Group],
    reports: Mapping[str, dict[str, Any]],
    *,
    split: str,
    output: pathlib.Path | None,
    quiet: bool,
) -> None:
    """Takes together what `evaluate` gave for each run; writes it if there is a place for it."""
    summaries = [seeds.summarize([reports[run] for run in group.workdirs]) for group in groups]
    rows = list(zip(groups, summaries, strict=True))
    if output:
        told = [seeds.report(group, summary) for group, summary in rows]
        with storing(f"the results in {output.parent}"):
            write_aside(output, json.dumps(told, indent=2) + "\n")
    if not quiet:
        seeds.print_groups(rows, split=split)


def run(
    folders: Mapping[str, pathlib.Path],
    *,
    output: str | None,
    split: str,
    weights: str,
    quiet: bool,
) -> int:
    """Evaluates run by run, shows the numbers; returns the exit status.

    Of several runs one that cannot be evaluated is named, and the others are compared.

    Args:
        folders: where each run's results go, by its directory.
        output: the folder for what is said of all, or None.
        split: "test" or "validation".
        weights: "last", "best" or "ema", see `restore`.
        quiet: print no results.
    """

    def one(run: str, folder: pathlib.Path) -> dict[str, Any]:
        measured, about = evaluate(run, split=split, weights=weights)
        with storing(f"the results in {folder}"):
            write(measured, about, folder)
        title = describe(about)
        if not quiet and len(folders) == 1:
            evaluation.print_evaluation(measured, title)
            print(f"Numbers and pictures: {folder}")
        elif not quiet:
            print(f"{run}: {title}, accuracy {100 * measured.accuracy:.2f} %", flush=True)
        return about

    def show(groups: Sequence[seeds.Group], reports: Mapping[str, dict[str, Any]]) -> None:
        if len(folders) > 1:
            name = evaluation.file_name("seeds.json", split, weights)
            place = pathlib.Path(output) / name if output else None
            _compare(groups, reports, split=split, output=place, quiet=quiet)

    return run_by_run.run(folders, one, show, done="evaluated")
