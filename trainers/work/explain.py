"""Explanations of runs, measured one by one, then shown together."""

import json
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.explaining import (
    explanations,
    measuring,
    pictures,
    pooling,
    referees,
    summaries,
    switched_off,
    tables,
)
from trainers.explaining.measuring import CLASSIFIER, Images, Judge, Result
from trainers.reports import run_by_run, seeds
from trainers.run.provenance import provenance
from trainers.run.restore import Restored, restore
from trainers.run.split_data import Data
from trainers.run.storage import storing, write_aside
from xadv_tf import attributions, figures

Array = npt.NDArray[Any]
Report = dict[str, Any]
_NAME = "explain"
_ASKED = 100  # Validation images, to tell two signs apart.


def explain(
    restored: Restored,
    judges: Sequence[str],
    *,
    num_images: int,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[Report, dict[str, Any]]:
    """Measures all explanations of a run.

    Args:
        restored: the run.
        judges: directories of runs with masks on the same images.
        num_images: test images, at most.
        tell: called with a line when an explanation is done.

    Returns:
        What explain.json holds of them, and what the picture of the maps shows: arguments of
        `figures.draw_attributions`.

    Raises:
        UsageError: if a judge cannot be read, or does not fit.
    """
    begun = time.monotonic()
    experiment, data, method = restored
    image, truth = referees.chosen(data.test, num_images)
    predict = referees.prediction(method)
    images = _explained(image, data, predict)
    counts = attributions.counts(int(np.prod(image.shape[1:3])))
    judge = Judge(CLASSIFIER, predict, counts)
    appointed = referees.appoint(judges, image, images.off, counts, num_images=num_images)

    found, notes = explanations.of_run(experiment, data, method)
    tested = _signs(found, data, predict, judge, num_images)
    if not tested:
        notes.append("No validation images: a mask's importance is taken to be -log_alpha.")
    results: list[Result] = []
    leaks = []
    maps: dict[str, Array] = {}
    for each in found:
        areas = tested.get(each.name, {"-log_alpha": 0.0, "+log_alpha": 0.0})
        sign = 1.0 if areas["-log_alpha"] <= areas["+log_alpha"] else -1.0
        given = measuring.attribute(each, images, sign)
        for way, attribution in given.items():
            results.append(judge.hear(each.name, way, images, attribution))
            if way in appointed:
                results.append(appointed[way][0].hear(each.name, way, images, attribution))
        first = next(iter(given.values()))
        leaks.append(summaries.probe(each.name, first, images.label))
        maps[each.name] = first
        tell(f"{each.name}: measured after {time.monotonic() - begun:.0f} s")
    whole = summaries.probe("the image itself", image, images.label)
    blind = summaries.probe("nothing", np.zeros((len(image), 1)), images.label)
    leaks += [whole, blind]
    notes += summaries.doubts(whole, blind)
    report = {
        "method": experiment.label,
        "model": experiment.model,
        "dataset": experiment.dataset,
        "scaling": experiment.scaling,
        "num_images": len(image),
        "accuracy": float(np.mean(images.label == truth)),
        "referees": {way: about for way, (_, about) in appointed.items()},
        "signs_on_validation": tested,
        "notes": notes,
        "counts": counts.tolist(),
        "leaks": leaks,
        "rows": summaries.summarize(results, counts),
        "seconds": round(time.monotonic() - begun, 1),
        **provenance(),
    }
    return report, pictures.shown(image, images.label, truth, maps, data)


def _explained(image: Array, data: Data, predict: Any) -> Images:
    label = measuring.predict_labels(predict, image)
    return Images(image, label, switched_off.images(image, data))


def _signs(
    found: Sequence[explanations.Explanation],
    data: Data,
    predict: Any,
    judge: Judge,
    num_images: int,
) -> dict[str, dict[str, float]]:
    if not len(data.validation[1]):
        return {}
    image, _ = referees.chosen(data.validation, min(num_images, _ASKED))
    candidates = [each for each in found if each.is_mask]
    return measuring.signs(candidates, _explained(image, data, predict), judge)


def run(
    folders: Mapping[str, pathlib.Path],
    judges: Sequence[str],
    *,
    num_images: int,
    output: pathlib.Path,
    quiet: bool,
) -> int:
    """Measures run by run, and shows the table, that of all of them where there are several.

    Args:
        folders: where each run's results go, by its directory.
        judges: directories of referees; of several seeds each run has those of its own.
        num_images: test images, at most.
        output: the folder for what is said of all.
        quiet: print no results.

    Returns:
        The exit status.
    """

    def one(workdir: str, folder: pathlib.Path) -> Report:
        return _of_run(workdir, judges, folder, num_images=num_images, quiet=quiet)

    def show(groups: Sequence[seeds.Group], reports: Mapping[str, Report]) -> None:
        # `main` has refused runs of several experiments.
        (group,) = groups
        _show([reports[workdir] for workdir in group.workdirs], output, quiet=quiet)

    return run_by_run.run(folders, one, show, done="explained")


def _of_run(
    workdir: str, judges: Sequence[str], folder: pathlib.Path, *, num_images: int, quiet: bool
) -> Report:
    """What explain.json of a run holds: as it stands there, or measured and written."""
    restored = restore(workdir)
    experiment, _, method = restored
    own = referees.of_seed(judges, experiment.seed)
    what = {
        "workdir": workdir,
        "seed": experiment.seed,
        "step": int(method.step.numpy()),
        "judges": own,
        "asked_images": num_images,
    }

    def tell(text: str) -> None:
        if not quiet:
            print(f"{workdir}: {text}", flush=True)

    place = folder / f"{_NAME}.json"
    known = run_by_run.kept(place, what)
    if known is not None:
        tell(f"as in {place}")
        return known
    measured, shown = explain(restored, own, num_images=num_images, tell=tell)
    report = {**what, **measured}
    title = f"{report['method']} on {report['dataset']}: from the first pixel (bright) to the last"
    _write(report, {"maps": figures.draw_attributions(**shown, title=title)}, folder)
    return report


def _write(report: Report, drawn: Mapping[str, Any], folder: pathlib.Path) -> None:
    """Writes explain.csv, the curves and what else is drawn, and explain.json at the end."""
    found = dict(drawn)
    for judge in dict.fromkeys(row["judge"] for row in report["rows"]):
        found[f"curves_{judge}"] = pictures.draw(report, judge)
    with storing(f"the results in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in found.items():
            for ending in ("png", "pdf"):
                figures.save(picture, folder / f"{name}.{ending}", dpi=150)
        write_aside(folder / f"{_NAME}.csv", tables.csv_text(report["rows"]))
        write_aside(folder / f"{_NAME}.json", json.dumps(report, indent=1) + "\n")


def _show(reports: Sequence[Report], output: pathlib.Path, *, quiet: bool) -> None:
    """The table, of several runs their means, which are written too, with their curves."""
    shown = reports[0]
    if len(reports) > 1:
        shown = {**pooling.pool(reports), **provenance()}
        _write(shown, {}, output)
    if not quiet:
        tables.print_tables(shown)
        print(f"Table and curves: {output}")
