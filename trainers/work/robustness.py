"""Runs under attack: measured one by one, then shown together."""

import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from trainers.attacking import measuring, summaries
from trainers.attacking.settings import Settings
from trainers.reports import run_by_run, seeds
from trainers.run.provenance import provenance
from trainers.run.restore import restore
from trainers.run.storage import storing, write_aside
from xadv_tf import figures

_NAME = "robustness"


def run(
    folders: Mapping[str, pathlib.Path],
    settings: Settings,
    *,
    output: pathlib.Path,
    weights: str,
    quiet: bool,
) -> int:
    """Attacks run by run, shows them together; returns the exit status.

    Of several runs one that cannot be attacked is named, and the others are shown.

    Args:
        folders: where each run's numbers go, by its directory.
        settings: which attacks.
        output: the folder for table and picture of all.
        weights: "last", "best" or "ema", see `restore`.
        quiet: print no results.
    """

    def one(workdir: str, folder: pathlib.Path) -> dict[str, Any]:
        return _attack(workdir, folder, settings, weights=weights, quiet=quiet)

    def show(groups: Sequence[seeds.Group], reports: Mapping[str, dict[str, Any]]) -> None:
        _show(groups, reports, output, quiet=quiet)

    return run_by_run.run(folders, one, show, done="attacked")


def _attack(
    workdir: str, folder: pathlib.Path, settings: Settings, *, weights: str, quiet: bool
) -> dict[str, Any]:
    """What robustness.json of a run holds: as it stands there, or measured and written."""
    experiment, data, method = restore(workdir, weights=weights)
    what = {
        "workdir": workdir,
        "method": experiment.label,
        "dataset": experiment.dataset,
        "seed": experiment.seed,
        "weights": weights,
        "step": int(method.step.numpy()),
        "settings": settings.report(),
    }
    place = folder / f"{_NAME}.json"

    def say(text: str) -> None:
        if not quiet:
            print(f"{workdir}: {text}", flush=True)

    report = run_by_run.kept(place, what)
    if report is not None:
        say(f"as in {place}")
    else:
        report = {**what, **measuring.measure(method, data, settings, say=say), **provenance()}
        for sentence in report["left_out"]:
            say(sentence)
        with storing(f"the results in {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            write_aside(place, json.dumps(report, indent=1) + "\n")
    # What cannot be believed cannot be believed the second time either.
    for sentence in report["warnings"]:
        print(f"warning: {workdir}: {sentence}", file=sys.stderr, flush=True)
    return report


def _show(
    groups: Sequence[seeds.Group],
    reports: Mapping[str, dict[str, Any]],
    output: pathlib.Path,
    *,
    quiet: bool,
) -> None:
    """Tables, CSV and picture of all runs."""
    labels = summaries.label_groups(groups)
    found = [
        point
        for label, group in zip(labels, groups, strict=True)
        for point in summaries.points(label, [reports[each] for each in group.workdirs])
    ]
    if not found:
        return
    first = next(iter(reports.values()))
    title = f"{first['dataset']}: accuracy under attack"
    caption = _caption(sorted({point.runs for point in found}), first["images"])
    picture = figures.draw_robustness(summaries.rows(found), title=title, caption=caption)
    with storing(f"the results in {output}"):
        output.mkdir(parents=True, exist_ok=True)
        for ending in ("png", "pdf"):
            figures.save(picture, output / f"{_NAME}.{ending}")
        write_aside(output / f"{_NAME}.csv", summaries.to_csv(found))
    if not quiet:
        summaries.print_tables(found)
        print(caption)
        print(f"Picture: {output / _NAME}.png and .pdf; every number: {output / _NAME}.csv")


def _caption(runs: list[int], images: int) -> str:
    interval = "95 % interval (Wilson) over the images"
    if runs[-1] > 1:
        interval = "95 % interval of the mean over runs (Student's t)"
        if runs[0] == 1:
            interval += ", or of a single run over its images (Wilson)"
    count = f"{runs[0]}" if runs[0] == runs[-1] else f"{runs[0]} to {runs[-1]}"
    noun = "run" if runs[-1] == 1 else "runs"
    return f"{images:,} test images, {count} {noun} a line; bands: {interval}"
