"""A run's record: one JSON file of some kilobytes, made from the run's directory alone.

It holds what the run was (flags, data by their hashes, commit, versions, hardware), its curve and
its result. The test predictions lie beside it, a byte an image, and the true classes once for all
runs on the same test set. Tables and pages are made from records and from nothing else.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flags.define import Kind
from trainers.errors import UsageError
from trainers.evidence import curves
from trainers.run import predictions, records
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags

FORMAT = 1
_LABELS = "labels"  # The folder of true classes, below that of the records.
# Where the data lay is nobody's business, and differs from machine to machine.
_LEFT_OUT = ("data_dir", "download")
# What does not make two runs different experiments.
_NO_IDENTITY = (Kind.PLACE, Kind.RECORD, Kind.CALL)
_MADE_BY = ("commit", "hardware", "cores_used", "tensorflow", "keras", "python")
# Within it, the beginning of a run may differ on another machine. See results/README.md for what
# was seen.
_BAND = {"relative": 0.1, "absolute": 0.01}
_NEEDS = {"format": int, "flags": list, "result": dict, "data": dict, "curve": dict}


@dataclasses.dataclass(frozen=True)
class Record:
    """A finished run.

    Attributes:
        content: what the JSON file holds.
        predicted: the class predicted for each test image, [images]; None where that was not kept.
        labels: the true classes, likewise.
    """

    content: Mapping[str, Any]
    predicted: np.ndarray | None = None
    labels: np.ndarray | None = None

    @functools.cached_property
    def experiment(self) -> experiment_lib.Experiment:
        """What was run."""
        return experiment_lib.from_flags(self._values)

    @property
    def label(self) -> str:
        """The method as tables call it."""
        return str(self.content["method"])

    @property
    def accuracy(self) -> float | None:
        """Share of the test images that are predicted right; None for a run that saw none."""
        accuracy: float | None = self.content["result"]["test_accuracy"]
        return accuracy

    @property
    def seed(self) -> int:
        """Of weights, batches and noise."""
        return int(self.content["seed"])

    @property
    def label_seed(self) -> int:
        """Of the draw of the labels."""
        return int(self.content["label_seed"])

    def identity(self, *, without: Sequence[str] = ()) -> tuple[str, ...]:
        """The flags that say which experiment it is, but for those at their defaults."""
        return identity(self._values, without=without)

    @property
    def name(self) -> str:
        """Of its files: data set, labels, method, seeds and a hash of the whole identity."""
        run = self.content
        words = re.sub(r"[^a-z0-9]+", "_", f"{run['dataset']}_{run['num_labeled']}_{self.label}"
                       .lower().replace("+", "_and_")).strip("_")  # fmt: skip
        draw = f"_draw{self.label_seed}" if self.label_seed != self.seed else ""
        digest = hashlib.sha256("\n".join(self.identity()).encode()).hexdigest()[:8]
        return f"{words}_seed{self.seed}{draw}_{digest}"

    @functools.cached_property
    def _values(self) -> Any:
        return experiment_lib.parse([*self.content["flags"], "--workdir=-"])


def identity(values: Any, *, without: Sequence[str] = ()) -> tuple[str, ...]:
    """The flags that say which experiment `values` are, but for those at their defaults.

    Args:
        values: as `experiment.parse` gives them.
        without: names to leave out, e.g. "seed" for what runs of a group have in common.
    """
    names = [name for name in experiment_lib.all_names(without=_NO_IDENTITY) if name not in without]
    differ = [values[name] for name in names if values[name].value != values[name].default]
    return tuple(sorted(flag.serialize() for flag in differ))


def from_run(workdir: str | pathlib.Path) -> Record:
    """Makes the record of a finished run from its directory.

    Raises:
        UsageError: there is no run, it is not finished, or a file of it is damaged.
    """
    run = pathlib.Path(workdir)
    values = run_flags.read(workdir, flag="--record")
    result = records.result(run)
    if result is None:
        raise UsageError(
            f"--record must name directories of finished runs. Received: --record={workdir}, "
            "which has no result.json"
        )
    experiment = experiment_lib.from_flags(values)
    status = records.read_if_sound(run / "status.json", otherwise="the record lacks its times")
    split = records.read_if_sound(run / "split.json", otherwise="the record lacks its data")
    lines = curves.read(run / "metrics.jsonl")
    predicted, labels = predictions.read(run) or (None, None)
    flags = [
        line
        for line in experiment_lib.to_flagfile(values).splitlines()
        if line.removeprefix("--").removeprefix("no").partition("=")[0] not in _LEFT_OUT
    ]
    milliseconds = _finite(result["milliseconds_per_step"])
    content = {
        "format": FORMAT,
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
            "predictions_sha256": _digest(predicted),
            "labels_sha256": _digest(labels),
        }
    return {
        "split_sha256": hashlib.sha256(json.dumps(split, sort_keys=True).encode()).hexdigest(),
        **hashes,
        "kept": kept,
    }


def write(record: Record, folder: pathlib.Path) -> pathlib.Path:
    """Writes a record's files; returns the JSON file's path.

    Raises:
        UsageError: the record of another run of this experiment is there.
    """
    file = folder / f"{record.name}.json"
    there = records.read(file, needs=_NEEDS)
    if there is not None and there != json.loads(json.dumps(record.content)):
        raise UsageError(
            f"{file} is the record of another run of the same experiment; delete it to have "
            f"the new one. Received: a run finished {record.content['time']['finished']}, there "
            f"one of {there['time']['finished']}"
        )
    (folder / _LABELS).mkdir(parents=True, exist_ok=True)
    if record.predicted is not None and record.labels is not None:
        # A bare array of bytes: no header that a library could write in another way.
        write_aside(file.with_suffix(".bin"), record.predicted.tobytes())
        labels = folder / _LABELS / f"{_digest(record.labels)[:12]}.bin"
        if not labels.exists():
            write_aside(labels, record.labels.tobytes())
    write_aside(file, _json(record.content))
    return file


def read(file: pathlib.Path) -> Record:
    """Reads a record, and the predictions beside it.

    Raises:
        UsageError: there is none, or it does not agree with the predictions beside it.
    """
    content = records.read(file, needs=_NEEDS)
    if content is None:
        raise UsageError(f"there must be a record. Received: {file}")
    if content["format"] != FORMAT:
        raise UsageError(f"{file} must be of format {FORMAT}. Received: {content['format']}")
    kept = content["data"].get("kept")
    if not kept:
        return Record(content)
    labels_file = file.parent / _LABELS / f"{kept['labels_sha256'][:12]}.bin"
    predicted = _array(file.with_suffix(".bin"), kept["bytes_an_image"], kept["predictions_sha256"])
    labels = _array(labels_file, kept["label_bytes_an_image"], kept["labels_sha256"])
    accuracy = float(np.mean(predicted == labels))
    if accuracy != content["result"]["test_accuracy"]:
        raise UsageError(
            f"{file} must agree with the predictions beside it, of which a share of {accuracy} is "
            f"right. Received: test_accuracy={content['result']['test_accuracy']}"
        )
    return Record(content, predicted, labels)


def read_all(folder: pathlib.Path) -> list[Record]:
    """All records of a folder, by name."""
    return [read(file) for file in sorted(folder.glob("*.json"))]


def _array(file: pathlib.Path, itemsize: int, digest: str) -> np.ndarray:
    """The classes in a file, [images]."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} must lie beside its record ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise UsageError(f"{file} must hold what its record says. Received: another hash")
    return np.frombuffer(content, np.dtype(f"<u{itemsize}"))


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _finite(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _without_folder(dataset: str) -> str:
    """folder:/home/me/cats is "cats": the path is this machine's."""
    return pathlib.PurePath(dataset.removeprefix("folder:")).name


def _json(content: Mapping[str, Any]) -> str:
    """JSON with a line for each entry of an entry, so that a reader sees it, and a diff too."""

    def entries(value: Any) -> str:
        if isinstance(value, Mapping) and value:
            lines = [f"{json.dumps(key)}: {_line(each)}" for key, each in value.items()]
            return "{\n    " + ",\n    ".join(lines) + "\n  }"
        if isinstance(value, list) and value:
            return "[\n    " + ",\n    ".join(map(_line, value)) + "\n  ]"
        return _line(value)

    lines = [f"  {json.dumps(key)}: {entries(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
