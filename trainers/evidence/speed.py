"""The speed table: seconds an epoch of VAT and of both forms of xVAT, on data sets' sizes.

Steps are timed as trainers.benchmark times them, in turns and on random images, so that no data set
is needed; an epoch is as many of them as its flagfile says, and every number of it extrapolated.
"""

import dataclasses
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from flags import methods
from trainers.benchmarking import child
from trainers.errors import UsageError
from trainers.evidence import rows
from trainers.evidence.cells import Cells
from trainers.run import records
from trainers.settings.command_line import EXPERIMENTS

NAMES = ("vat", "xvat_transductive", "xvat_inductive")
# Yang & Ji 2020, abstract: "about 30 % faster". The seconds of its table are not established.
_PUBLISHED_RATIO = 0.7
_LABELS = methods.rows()
# Flagfile of its batches and epochs, shape of an image, training images.
_DATASETS = {
    "mnist": ("semi_supervised/mnist_xvat_inductive", (28, 28, 1), 60_000),
    "svhn": ("semi_supervised/svhn_xvat_inductive", (32, 32, 3), 73_257),
    "cifar10": ("semi_supervised/cifar10_xvat_inductive", (32, 32, 3), 50_000),
    "cifar100": ("supervised/cifar100_xvat_inductive", (32, 32, 3), 50_000),
}
_TIMING = "trainers.benchmarking.step_timing"  # By name: it is a child's, with TensorFlow.


@dataclasses.dataclass(frozen=True)
class Size:
    """What a data set's steps are.

    Attributes:
        dataset: a key of the table above.
        setting: the fields of `benchmarking.timed_step.Setting`.
        steps_per_epoch: of the flagfile.
    """

    dataset: str
    setting: dict[str, Any]
    steps_per_epoch: int


def plan(datasets: Sequence[str], names: Sequence[str]) -> tuple[list[Size], list[str]]:
    """What is to be timed: data sets, and methods, VAT among them.

    Args:
        datasets: of mnist, svhn, cifar10, cifar100; empty for all.
        names: of `NAMES`; empty for all.

    Raises:
        UsageError: for others.
    """
    for flag, wanted, known in (("datasets", datasets, _DATASETS), ("methods", names, NAMES)):
        if not set(wanted) <= set(known):
            raise UsageError(
                f"--{flag} must name some of {', '.join(known)} for --table=speed. "
                f"Received: --{flag}={','.join(wanted)}"
            )
    sizes = []
    for dataset in datasets or _DATASETS:
        file, shape, images = _DATASETS[dataset]
        run = rows.experiment(EXPERIMENTS / f"{file}.flags")
        setting = {
            "model": run.model,
            "image_shape": shape,
            "labeled_batch_size": run.labeled_batch_size,
            "unlabeled_batch_size": run.unlabeled_batch_size,
            "num_labeled": run.num_labeled or images,
            "num_pool": images,
        }
        sizes.append(Size(dataset, setting, run.steps_per_epoch))
    return sizes, [name for name in NAMES if name in names or not names]


def measure(
    size: Size, names: Sequence[str], *, repeats: int, seconds: float, jit: bool
) -> dict[str, Any]:
    """Times the steps of one data set's size.

    Args:
        size: as `plan` has it.
        names: of the methods.
        repeats: rounds at most, see `step_timing.compare`.
        seconds: for each method, about.
        jit: compile with XLA.

    Returns:
        "dataset", "setting", "steps_per_epoch", and "methods": by name the seconds of a step in
        each round.

    Raises:
        RuntimeError: the process that measures failed; its own words are on stderr.
    """
    task = {
        "kind": "times",
        "setting": {**size.setting, "jit": jit},
        "methods": list(names),
        "repeats": repeats,
        "seconds": seconds,
    }
    measured = child.run(_TIMING, task, what=size.dataset)
    return {
        **dataclasses.asdict(size),
        "methods": {row["method"]: row["loop"] for row in measured["rows"]},
    }


def cells(report: Mapping[str, Any]) -> Cells:
    """The table of a report: its provenance, and "sizes" as `measure` returns them."""
    names = [name for name in NAMES if any(name in size["methods"] for size in report["sizes"])]
    ratios = [name for name in names if name != "vat" and "vat" in names]
    lines = []
    for size in report["sizes"]:
        setting, timed = size["setting"], size["methods"]
        batch = f"{setting['labeled_batch_size']} + {setting['unlabeled_batch_size']}"
        of_vat = [f"{_ratio(timed[name], timed['vat']):.2f}" for name in ratios]
        lines.append(
            [
                size["dataset"],
                batch,
                f"{size['steps_per_epoch']}",
                *(f"≈ {_digits(_epoch(size, name))}" for name in names),
                *of_vat,
            ]
        )
    columns = [
        *("data", "batch", "steps"),
        *(f"{_label(name)} s" for name in names),
        *(f"{_label(name)} / VAT" for name in ratios),
    ]
    rounds = min(len(times) for size in report["sizes"] for times in size["methods"].values())
    notes = [
        f"Seconds an epoch of so many steps, ≈: extrapolated from {rounds} rounds of some steps or "
        "more, each method in turn, on random images; the ratio is the median of the rounds'.",
        f"Published: about 30 % faster, a ratio of {_PUBLISHED_RATIO} (Yang & Ji, ICPR 2020, "
        "abstract); the seconds of its table are not established.",
        f"{report['hardware']}; {report['cores_used']} cores used; commit {report['commit']}; "
        f"tensorflow {report['tensorflow']}.",
    ]
    return Cells("Seconds an epoch", columns, lines, notes)


def comparison(report: Mapping[str, Any], old: Mapping[str, Any]) -> Cells:
    """A report against an earlier one: seconds an epoch then and now, and their ratio."""
    before = {size["dataset"]: size for size in old["sizes"]}
    lines = []
    for size in report["sizes"]:
        then = before.get(size["dataset"])
        for name in size["methods"]:
            if then and name in then["methods"] and then["setting"] == size["setting"]:
                was, now = _epoch(then, name), _epoch(size, name)
                ratio = f"{now / was:.2f}"
                lines.append([size["dataset"], _label(name), _digits(was), _digits(now), ratio])
    columns = ["data", "method", "s then", "s now", "now / then"]
    notes = [f"Then: {old['hardware']}, commit {old['commit']}."]
    return Cells("Against an earlier measurement", columns, lines, notes)


def read(file: str) -> dict[str, Any]:
    """A report that --output wrote.

    Raises:
        UsageError: there is none.
    """
    needs = {"sizes": list, "hardware": str, "commit": str}
    report = records.read(pathlib.Path(file), needs=needs)
    if report is None:
        raise UsageError(f"--compare must name a file of --output. Received: --compare={file}")
    return report


def _epoch(size: Mapping[str, Any], name: str) -> float:
    return float(size["steps_per_epoch"] * statistics.median(size["methods"][name]))


def _digits(seconds: float) -> str:
    """Three of them: 2,320 for an epoch of 2321.6 s, which `.3g` alone writes 2.32e+03."""
    return f"{float(f'{seconds:.3g}'):,g}"


def _ratio(own: Sequence[float], other: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, other, strict=True))


def _label(name: str) -> str:
    return methods.label(*_LABELS[name])
