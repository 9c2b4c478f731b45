"""Makes the record of a finished run, from the run's directory alone."""

import hashlib
import json
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from trainers.errors import UsageError
from trainers.evidence import curves, record
from trainers.evidence.record import Record, digest
from trainers.run import predictions, records, results
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags

_MADE_BY = ("commit", "hardware", "cores_used", "tensorflow", "keras", "python")
# Within it, the beginning of a run may differ on another machine. See results/README.md for what
# was seen.
_BAND = {"relative": 0.1, "absolute": 0.01}


def from_run(workdir: str | pathlib.Path, *, flag: str = "--record") -> Record:
    """Makes the record of a finished run from its directory.

    Args:
        workdir: the directory.
        flag: the flag that named it, for messages.

    Raises:
        UsageError: there is no run, it is not finished, or a file of it is damaged.
    """
    run = pathlib.Path(workdir)
    values = run_flags.read(workdir, flag=flag)
    result = results.read(run)
    if result is None:
        raise UsageError(
            f"{flag} must name directories of finished runs. Received: {flag}={workdir}, "
            "which has no result.json"
        )
    experiment = experiment_lib.from_flags(values)
    status = records.read_if_sound(run / "status.json", otherwise="the record lacks its times")
    split = records.read_if_sound(run / "split.json", otherwise="the record lacks its data")
    lines = curves.read(run / "metrics.jsonl")
    last = max((line["step"] for line in lines), default=0)
    if last < result["train_steps"]:
        warnings.warn(
            f"{run}/metrics.jsonl ends at step {last} of {result['train_steps']}: its curve is "
            "not whole, and what its masks take may be missing",
            stacklevel=2,
        )
    predicted, labels = predictions.read(run) or (None, None)
    flags = [
        line
        for line in (run / run_flags.NAME).read_text(encoding="utf-8").splitlines()
        if line.startswith("--")
        and line.removeprefix("--").removeprefix("no").partition("=")[0] not in run_flags.OF_PLACES
    ]
    milliseconds = _finite(result["milliseconds_per_step"])
    content = {
        "format": record.FORMAT,
        "method": result["method"],
        "dataset": _without_folder(experiment.dataset),
        "num_labeled": experiment.num_labeled,
        "seed": experiment.seed,
        "label_seed": experiment.split_seed,
        "result": {
            "test_accuracy": result["test_accuracy"],
            "validation_accuracy": result.get("validation_accuracy"),
            "weights": result.get("weights", "unknown"),
            "steps": result["train_steps"],
            "epochs": result["train_steps"] / experiment.steps_per_epoch,
            "backward_passes": result["backward_passes"],
        },
        "time": {
            "milliseconds_per_step": milliseconds,
            "started": status.get("started"),
            "finished": status.get("updated"),
        },
        "made_by": {name: result.get(name, "unknown") for name in _MADE_BY},
        "data": _data(split, predicted, labels),
        "flags": flags,
        "band": dict(_BAND),
        "beginning": curves.beginning(lines),
        "curve": curves.thinned(lines),
    }
    return Record(content, predicted, labels)


def _data(split: Mapping[str, Any], predicted: Any, labels: Any) -> dict[str, Any]:
    """The hashes of split.json, and of what lies beside the record."""
    hashes = {
        part: {key: value for key, value in split.get(part, {}).items() if key != "per_class"}
        for part in ("train", "test", "labeled", "unlabeled", "validation")
    }
    kept = None
    if predicted is not None:
        kept = {
            "images": len(predicted),
            "bytes_an_image": predicted.itemsize,
            "label_bytes_an_image": labels.itemsize,
            "predictions_sha256": digest(predicted),
            "labels_sha256": digest(labels),
        }
    return {
        "split_sha256": hashlib.sha256(json.dumps(split, sort_keys=True).encode()).hexdigest(),
        **hashes,
        "kept": kept,
    }


def _finite(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _without_folder(dataset: str) -> str:
    """folder:/home/me/cats is "cats": the path is this machine's."""
    return pathlib.PurePath(dataset.removeprefix("folder:")).name
