"""Explanations of a run, measured."""

import json
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from trainers import errors
from trainers.errors import RunFailedError, UsageError
from trainers.explaining import explanations, measuring, summaries, switched_off, tables
from trainers.explaining.measuring import CLASSIFIER, REFEREE, Images, Judge, Result
from trainers.run.provenance import provenance
from trainers.run.restore import restore
from trainers.run.split_data import Data
from trainers.run.storage import storing, write_aside
from trainers.settings import program
from xadv_tf import attributions, figures
from xadv_tf.methods import Method
from xadv_tf.methods.combined import find_part
from xadv_tf.methods.multiplicative import MultiplicativeMethod

Array = np.ndarray
_SHOWN = 10  # Images in the picture of the maps.
_ASKED = 100  # Validation images, to tell two signs apart.


def explain(
    workdir: str, referees: Sequence[str], *, num_images: int, tell: Any = lambda text: None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures all explanations of a run.

    Args:
        workdir: the run's directory.
        referees: those of runs with masks on the same images.
        num_images: test images, at most.
        tell: called with a line when an explanation is done.

    Returns:
        What explain.json holds, and what the picture of the maps shows: arguments of
        `figures.draw_attributions`.

    Raises:
        UsageError: if a run cannot be read, or they do not fit together.
    """
    begun = time.monotonic()
    experiment, data, method = restore(workdir)
    image, truth = chosen(data.test, num_images)
    predict = _prediction(method)
    images = _explained(image, data, predict)
    counts = attributions.counts(int(np.prod(image.shape[1:3])))
    judge = Judge(CLASSIFIER, predict, counts)
    appointed = appoint(referees, image, images.off, counts, num_images=num_images)

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
    leaks.append(summaries.probe("the image itself", image, images.label))
    report = {
        "workdir": workdir,
        "method": experiment.label,
        "model": experiment.model,
        "dataset": experiment.dataset,
        "scaling": experiment.scaling,
        "seed": experiment.seed,
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
    return report, shown(image, images.label, truth, maps, data)


def _prediction(method: Method) -> Any:
    return lambda image: method.evaluated(image, training=False)


def chosen(test: tuple[Any, Any], num_images: int) -> tuple[Array, Array]:
    """As many images, evenly spaced, for a folder's images stand in the order of their classes.

    Args:
        test: (images, labels), as `split_data.Data` has them.
        num_images: at most.

    Returns:
        Images, float32 [images, height, width, channels], and their labels, [images].
    """
    images, labels = test
    places = np.linspace(0, len(labels) - 1, min(num_images, len(labels))).astype(np.int32)
    return np.asarray(images[places], np.float32), np.asarray(labels)[places]


def _explained(image: Array, data: Data, predict: Any) -> Images:
    label = measuring.predict_labels(predict, image)
    return Images(image, label, switched_off.images(image, data))


def appoint(
    referees: Sequence[str],
    image: Array,
    ways: Mapping[str, Array],
    counts: Array,
    *,
    num_images: int,
) -> dict[str, tuple[Judge, dict[str, Any]]]:
    """For each way of switching off the referee that was trained with it, else the first one.

    Args:
        referees: directories of runs.
        image: the test images that are explained.
        ways: the ways' names.
        counts: pixels exchanged at each point of a curve.
        num_images: as `chosen` was asked for.

    Returns:
        {way: (judge, who it is)}; nothing without referees.

    Raises:
        UsageError: for a run without masks, or on other images.
    """
    sworn: dict[str, tuple[Judge, dict[str, Any]]] = {}
    for workdir in referees:
        experiment, data, method = restore(workdir, flag="--referee")
        if find_part(method, MultiplicativeMethod) is None:
            raise UsageError(
                "--referee must be a run of a method with masks, best of random_mask. "
                f"Received: --referee={workdir}, a run of {experiment.method}"
            )
        same, truth = chosen(data.test, num_images)
        if not np.array_equal(same, image):
            raise UsageError(
                "--referee must be a run on the same test images, scaled alike. "
                f"Received: --referee={workdir}, a run on {experiment.dataset} with "
                f"--scaling={experiment.scaling}"
            )
        fill = str(experiment.options.get("fill", "zero"))
        predict = _prediction(method)
        accuracy = float(np.mean(measuring.predict_labels(predict, image) == truth))
        about = {
            "workdir": workdir,
            "method": experiment.label,
            "model": experiment.model,
            "fill": fill,
            "accuracy": accuracy,
        }
        sworn.setdefault(fill, (Judge(REFEREE, predict, counts), about))
    found = {}
    for way in ways if sworn else ():
        judge, about = sworn.get(way, next(iter(sworn.values())))
        found[way] = judge, {**about, "same_way": about["fill"] == way}
    return found


def _signs(
    found: Sequence[explanations.Explanation],
    data: Data,
    predict: Any,
    judge: Judge,
    num_images: int,
) -> dict[str, dict[str, float]]:
    if not len(data.validation[1]):
        return {}
    image, _ = chosen(data.validation, min(num_images, _ASKED))
    candidates = [each for each in found if each.is_mask]
    return measuring.signs(candidates, _explained(image, data, predict), judge)


def shown(
    image: Array, label: Array, truth: Array, maps: Mapping[str, Array], data: Data
) -> dict[str, Any]:
    """What the picture of the maps shows: an image of each class, rightly classified if any is.

    Args:
        image: scaled, [images, height, width, channels].
        label: the classes that they are given, [images].
        truth: their classes, [images].
        maps: {explanation: [images, height, width]}.
        data: has the classes' names.

    Returns:
        Arguments of `figures.draw_attributions`.
    """
    right = np.flatnonzero(label == truth)
    candidates = right if len(right) else np.arange(len(label))
    classes, first = (part[:_SHOWN] for part in np.unique(label[candidates], return_index=True))
    places = candidates[first]
    names = data.dataset.class_names
    return {
        "x": image[places],
        "labels": [str(names[k] if names else k)[:9] for k in classes],
        "maps": {name: values[places] for name, values in maps.items()},
    }


def draw(report: Mapping[str, Any], judge: str) -> Any:
    """The figure of one judge's curves."""
    rows = [row for row in report["rows"] if row["judge"] == judge]
    ways = list(dict.fromkeys(row["switched_off"] for row in rows))

    def panel(measure: str, way: str) -> figures.Panel:
        curves = [
            figures.MeanCurve(row["explanation"], **_arrays(row[measure]["curve"]))
            for row in rows
            if row["switched_off"] == way
        ]
        return figures.Panel(f"{measure}, off = {switched_off.WORDS[way]}", curves)

    counts = np.array(report["counts"])
    who = {CLASSIFIER: "the classifier itself", REFEREE: "a referee trained with random masks"}
    return figures.draw_removal_curves(
        counts / counts[-1],
        [[panel(measure, way) for way in ways] for measure in summaries.MEASURES],
        xlabels=["share of pixels switched off", "share of pixels switched on"],
        title=f"{report['method']} on {report['dataset']}, {report['num_images']} test images: "
        f"what {who[judge]} says",
    )


def _arrays(curve: Mapping[str, Sequence[float]]) -> dict[str, Array]:
    return {name: np.array(values) for name, values in curve.items()}


def write(report: dict[str, Any], shown: Mapping[str, Any], folder: pathlib.Path) -> None:
    """Writes explain.json, explain.csv, the curves and the maps as PNG and PDF."""
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(folder / "explain.json", json.dumps(report, indent=1) + "\n")
    write_aside(folder / "explain.csv", tables.csv_text(report["rows"]))
    title = f"{report['method']} on {report['dataset']}: from the first pixel (bright) to the last"
    pictures = {"maps": figures.draw_attributions(**shown, title=title)}
    for judge in dict.fromkeys(row["judge"] for row in report["rows"]):
        pictures[f"curves_{judge}"] = draw(report, judge)
    for name, picture in pictures.items():
        for ending in ("png", "pdf"):
            figures.save(picture, folder / f"{name}.{ending}", dpi=150)


def run(workdir: str, referees: Sequence[str], *, num_images: int, output: str, quiet: bool) -> int:
    """Measures, writes, shows the table; returns the exit status."""
    logging.set_verbosity(logging.ERROR)
    tf.get_logger().setLevel("ERROR")

    def tell(text: str) -> None:
        if not quiet:
            print(text, flush=True)

    try:
        report, shown = explain(workdir, referees, num_images=num_images, tell=tell)
        with storing(f"the results in {output}"):
            write(report, shown, pathlib.Path(output))
    except ValueError as error:
        return program.mistake(error)
    except RunFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return errors.FAILED
    if not quiet:
        tables.print_tables(report)
        print(f"Table, curves and maps: {output}")
    return 0
