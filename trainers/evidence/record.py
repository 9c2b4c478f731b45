"""A run's record: one JSON file of some kilobytes.

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
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from flags.define import KINDS, Kind
from trainers.errors import UsageError
from trainers.run import records
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib

FORMAT = 1
_LABELS = "labels"  # The folder of true classes, below that of the records.
# What does not make two runs different experiments.
_NO_IDENTITY = (Kind.PLACE, Kind.RECORD, Kind.CALL)
# What tells the runs of a table's row apart.
SEEDS = ("seed", "label_seed")
# What a shorter run of a row may have otherwise.
LENGTH = ("train_steps", "steps_per_epoch")
# What tells one run of an experiment from another.
_OF_THE_RUN = ("result", "time", "made_by", "data")
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
        return identity(self.content["flags"], without=without)

    @functools.cached_property
    def common(self) -> tuple[str, ...]:
        """The flags that it has in common with the other runs of its row."""
        return self.identity(without=(*SEEDS, *LENGTH))

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


def identity(lines: Iterable[str], *, without: Sequence[str] = ()) -> tuple[str, ...]:
    """The flags that say which experiment it is, but for those at their defaults.

    They are compared as texts: to read all flags of all records takes seconds.

    Args:
        lines: of `experiment.to_flagfile`, one a flag.
        without: names to leave out, e.g. "seed" for what runs of a group have in common.
    """
    silent = _silent()
    return tuple(sorted(
        line for line in lines
        if line not in silent and _name(line) not in silent and _name(line) not in without
    ))  # fmt: skip


@functools.cache
def _silent() -> frozenset[str]:
    """Flags at their defaults, and the names of those that tell no experiments apart."""
    known = set(experiment_lib.all_names())
    told = set(experiment_lib.all_names(without=_NO_IDENTITY))
    defaults = experiment_lib.to_flagfile(experiment_lib.parse([])).splitlines()
    return frozenset({*defaults, *(known - told)})


def _name(line: str) -> str:
    """Of the flag that a line sets: crop for --crop, --nocrop and --crop=true."""
    name = line.removeprefix("--").partition("=")[0]
    return name if name in KINDS else name.removeprefix("no")


def write(record: Record, folder: pathlib.Path) -> pathlib.Path:
    """Writes a record's files; returns the JSON file's path.

    Raises:
        UsageError: the record of another run of this experiment is there.
    """
    file = folder / f"{record.name}.json"
    there = records.read(file, needs=_NEEDS)
    own = json.loads(json.dumps(record.content))
    if there is not None and any(there.get(part) != own[part] for part in _OF_THE_RUN):
        raise UsageError(
            f"{file} is the record of another run of the same experiment; delete it to have "
            f"the new one. Received: a run finished {record.content['time']['finished']}, there "
            f"one of {there['time']['finished']}"
        )
    (folder / _LABELS).mkdir(parents=True, exist_ok=True)
    if record.predicted is not None and record.labels is not None:
        # A bare array of bytes: no header that a library could write in another way.
        write_aside(file.with_suffix(".bin"), record.predicted.tobytes())
        labels = folder / _LABELS / f"{digest(record.labels)[:12]}.bin"
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


def _array(file: pathlib.Path, itemsize: int, sha256: str) -> np.ndarray:
    """The classes in a file, [images]."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} must lie beside its record ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UsageError(f"{file} must hold what its record says. Received: another hash")
    return np.frombuffer(content, np.dtype(f"<u{itemsize}"))


def digest(array: np.ndarray) -> str:
    """SHA-256 of the classes in an array, byte by byte."""
    return hashlib.sha256(array.tobytes()).hexdigest()


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
