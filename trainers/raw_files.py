"""The files that data sets are published as: their names, their checksums, how they are read."""

import dataclasses
import gzip
import hashlib
import os
import pathlib
import pickle  # Of archives whose checksums are known only.
import shutil
import tarfile
from collections.abc import Mapping
from typing import Any

from rich import progress as rich_progress

from trainers.errors import UsageError

_BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True)
class RawFiles:
    """The files of one data set.

    Attributes:
        required: their names.
        num_examples: how many images they hold together, for the progress.
        optional: a file that brings a split of its own; without it the split is left out.
        checksums: SHA-256 by name, of files that tensorflow_datasets does not know.
        repack: (archive, folder for what it holds) -> None, for an archive whose layout
            tensorflow_datasets does not read.
    """

    required: tuple[str, ...]
    num_examples: int
    optional: str | None = None
    checksums: Mapping[str, str] = dataclasses.field(default_factory=dict)
    repack: Any = None


def refuse_unknown(dataset: str) -> None:
    """Raises UsageError for a data set that is no key of `RAW_FILES`."""
    if dataset not in RAW_FILES:
        raise UsageError(
            f"--dataset must be one of {', '.join(RAW_FILES)}. Received: --dataset={dataset}"
        )


def find(dataset: str, raw_dir: pathlib.Path) -> list[pathlib.Path]:
    """The data set's files that are there.

    Raises:
        UsageError: the folder lacks one that is required.
    """
    files = RAW_FILES[dataset]
    missing = [name for name in files.required if not (raw_dir / name).is_file()]
    if missing:
        raise UsageError(
            f"--raw_dir must hold {', '.join(files.required)} for --dataset={dataset}; "
            f"missing: {', '.join(missing)}. Received: --raw_dir={raw_dir}"
        )
    names = [*files.required, *([files.optional] if files.optional else [])]
    return [raw_dir / name for name in names if (raw_dir / name).is_file()]


def check(path: pathlib.Path, expected: str, progress: rich_progress.Progress) -> None:
    """Raises UsageError unless `expected` is the file's SHA-256."""
    digest = hashlib.sha256()
    with progress.open(path, "rb", description=f"checking {path.name}") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise UsageError(
            f"{path} must be the published file, whole and unchanged, whose SHA-256 is "
            f"{expected}. Received: {digest.hexdigest()}"
        )


class LocalFiles:
    """Stands where tensorflow_datasets has its download manager, and finds instead of fetching.

    Args:
        dataset: a key of `RAW_FILES`.
        raw_dir: where the files are; checked.
        aside: a folder for what is extracted.
    """

    def __init__(self, dataset: str, raw_dir: pathlib.Path, aside: pathlib.Path) -> None:
        self._files = RAW_FILES[dataset]
        self._raw_dir = raw_dir
        self._aside = aside

    def download(self, urls: Any) -> Any:
        """URLs, in any nest -> the paths of the files of these names, None for those not there."""
        return _map(self._find, urls)

    def download_and_extract(self, urls: Any) -> Any:
        """URLs, in any nest -> the paths of what the files of these names hold."""
        return _map(self._extract, urls)

    def _find(self, url: str) -> str | None:
        path = self._raw_dir / os.path.basename(url)
        return str(path) if path.is_file() else None

    def _extract(self, url: str) -> str:
        if self._files.repack is not None:
            (archive,) = self._files.required
            self._files.repack(self._raw_dir / archive, self._aside)
            return str(self._aside)
        name = os.path.basename(url)
        extracted = self._aside / name.removesuffix(".gz")
        with gzip.open(self._raw_dir / name) as packed, extracted.open("wb") as file:
            shutil.copyfileobj(packed, file)
        return str(extracted)


def _map(function: Any, nest: Any) -> Any:
    """What tf.nest.map_structure does, of the nests that there are, without TensorFlow."""
    if isinstance(nest, Mapping):
        return {name: _map(function, value) for name, value in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(_map(function, value) for value in nest)
    return function(nest)


def _repack_cifar10(archive: pathlib.Path, aside: pathlib.Path) -> None:
    batches = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    members = _unpickle(archive, "cifar-10-batches-py", ["batches.meta", *batches])
    folder = aside / "cifar-10-batches-bin"
    folder.mkdir()
    _write_names(folder / "batches.meta.txt", members["batches.meta"]["label_names"])
    for batch in batches:
        _write_records(folder / f"{batch}.bin", members[batch], ["labels"])


def _repack_cifar100(archive: pathlib.Path, aside: pathlib.Path) -> None:
    members = _unpickle(archive, "cifar-100-python", ["meta", "train", "test"])
    folder = aside / "cifar-100-binary"
    folder.mkdir()
    for names in ("coarse_label_names", "fine_label_names"):
        _write_names(folder / f"{names}.txt", members["meta"][names])
    for part in ("train", "test"):
        _write_records(folder / f"{part}.bin", members[part], ["coarse_labels", "fine_labels"])


def _unpickle(archive: pathlib.Path, folder: str, names: list[str]) -> dict[str, Any]:
    members = {}
    with tarfile.open(archive) as tar:
        for name in names:
            file: Any = tar.extractfile(f"{folder}/{name}")
            # Pickles of Python 2, whose strings are bytes; latin1 is how NumPy's arrays survive.
            members[name] = pickle.load(file, encoding="latin1")  # noqa: S301 (checksum known)
    return members


def _write_names(path: pathlib.Path, names: list[str]) -> None:
    path.write_text("\n".join(names) + "\n")


def _write_records(path: pathlib.Path, batch: Mapping[str, Any], labels: list[str]) -> None:
    import numpy as np  # Here, for --help needs the names of this module.

    # The binary version's records: a byte a label, then the pixels as the pickle has them.
    columns = [np.asarray(batch[name], np.uint8)[:, None] for name in labels]
    np.concatenate([*columns, batch["data"]], axis=1).tofile(path)


_IDX = tuple(
    f"{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)

RAW_FILES: Mapping[str, RawFiles] = {
    "mnist": RawFiles(_IDX, 70_000),
    "fashion_mnist": RawFiles(_IDX, 70_000),
    # tensorflow_datasets knows the binary archives; these sums stand in keras.datasets.
    "cifar10": RawFiles(
        ("cifar-10-python.tar.gz",),
        60_000,
        checksums={
            "cifar-10-python.tar.gz": (
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
            )
        },
        repack=_repack_cifar10,
    ),
    "cifar100": RawFiles(
        ("cifar-100-python.tar.gz",),
        60_000,
        checksums={
            "cifar-100-python.tar.gz": (
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
            )
        },
        repack=_repack_cifar100,
    ),
    "svhn_cropped": RawFiles(
        ("train_32x32.mat", "test_32x32.mat"), 630_420, optional="extra_32x32.mat"
    ),
}
