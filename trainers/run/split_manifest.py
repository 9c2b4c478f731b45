"""split.json: which data a run trained on, so that other data are not mistaken for them later."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trainers.errors import UsageError
from trainers.run import records
from trainers.run.split_data import Data
from trainers.run.storage import storing, write_aside
from xadv_tf.data.digests import digest

NAME = "split.json"
_PARTS = ("dataset", "train")  # What is not there as well is a difference.


def describe(data: Data, *, seed: int) -> dict[str, Any]:
    """What the manifest of a run says.

    Hashes are SHA-256 (see `xadv_tf.data.digests.digest`) of images, labels, and positions in the
    training set: int32, ascending.

    Args:
        data: as it was split.
        seed: what it was split by.
    """
    dataset, split = data.dataset, data.split
    parts = {"labeled": split.labeled, "unlabeled": split.pool, "validation": split.validation}
    return {
        "dataset": dataset.name,
        "num_classes": dataset.num_classes,
        "image_shape": list(dataset.image_shape),
        "seed": seed,
        "train": _content(dataset.train_images, dataset.train_labels),
        "test": _content(dataset.test_images, dataset.test_labels),
        **{
            name: {
                "count": len(positions),
                "per_class": _per_class(dataset.train_labels[positions], dataset.num_classes),
                "sha256": digest(positions),
            }
            for name, positions in parts.items()
        },
    }


def leaves(data: Data, *, seed: int) -> dict[str, Any]:
    """The same without nesting: {"train.count": 60000} and so on."""
    return dict(_leaves(describe(data, seed=seed)))


def refuse_other_data(run: pathlib.Path, manifest: Mapping[str, Any]) -> None:
    """Compares with the manifest that the run began with, if it has one.

    Raises:
        UsageError: the same flags give other data than they did.
    """
    there = _read(run)
    if not there:
        return
    before, now = dict(_leaves(there)), dict(_leaves(manifest))
    different = sorted(name for name in before | now if before.get(name) != now.get(name))
    if different:
        raise UsageError(
            f"--dataset must give the data that the run in {run} began with, which {NAME} "
            f"describes. Received: --dataset={manifest['dataset']}, which now differs in "
            f"{', '.join(different)}"
        )


def write(run: pathlib.Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest into the run's directory, unless a sound one is there.

    Raises:
        RunFailedError: it could not be written.
    """
    if not _read(run):
        with storing(f"the split in {run}"):
            write_aside(run / NAME, json.dumps(manifest, indent=2) + "\n")


def _read(run: pathlib.Path) -> dict[str, Any]:
    return records.read_if_sound(
        run / NAME,
        needs=_PARTS,
        otherwise="that the data are those that the run began with is not checked",
    )


def _content(images: Any, labels: Any) -> dict[str, Any]:
    return {"count": len(labels), "images_sha256": digest(images), "labels_sha256": digest(labels)}


def _per_class(labels: Any, num_classes: int) -> list[int]:
    counts: list[int] = np.bincount(labels[labels >= 0], minlength=num_classes).tolist()
    return counts


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("train.count", 60000) and so on."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
