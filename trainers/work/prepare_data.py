"""Raw files to a TFDS folder, by tensorflow_datasets' own builders."""

import contextlib
import io
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds
from rich import console as rich_console
from rich import progress as rich_progress

from trainers import raw_files
from trainers.errors import UsageError
from trainers.run.storage import workspace
from trainers.settings import program


def prepare(dataset: str, raw_dir: str, data_dir: str | None = None, *, quiet: bool = False) -> Any:
    """Writes a data set as tensorflow_datasets itself would, but from files that are here.

    TFDS's own builder reads the files and writes the records, so `tfds.builder(dataset,
    data_dir=...)` finds the same features, classes, order and bytes. The folder is written aside
    and renamed: it is there whole or not at all. A data set that is there is left as it is.

    Args:
        dataset: a key of `raw_files.RAW_FILES`.
        raw_dir: folder of the published files.
        data_dir: TFDS's folder; None means TFDS_DATA_DIR, and without it TFDS's default.
        quiet: show no progress.

    Returns:
        The builder of the prepared data set.

    Raises:
        UsageError: the data set has no known raw files, one is missing, or not the published one.
        OSError: what is read or written cannot be.
    """
    raw_files.refuse_unknown(dataset)
    builder = tfds.builder(dataset, data_dir=data_dir and os.path.expanduser(data_dir))
    if os.path.isdir(builder.data_dir):
        return builder
    raw = pathlib.Path(raw_dir or "").expanduser()
    if not raw_dir or not raw.is_dir():
        raise UsageError(
            "--raw_dir must name the folder that holds "
            f"{', '.join(raw_files.RAW_FILES[dataset].required)}. Received: --raw_dir={raw_dir}"
        )
    checksums = {info.filename: info.checksum for info in (builder.url_infos or {}).values()}
    checksums |= raw_files.RAW_FILES[dataset].checksums
    with rich_progress.Progress(
        *rich_progress.Progress.get_default_columns(),
        console=rich_console.Console(file=sys.stdout),
        disable=quiet,
    ) as progress:
        for path in raw_files.find(dataset, raw):
            raw_files.check(path, checksums[path.name], progress)
        with workspace(pathlib.Path(builder.data_dir_root)) as aside:
            _write(builder, dataset, raw, aside, progress)
    return builder


def _write(
    builder: Any,
    dataset: str,
    raw: pathlib.Path,
    aside: pathlib.Path,
    progress: rich_progress.Progress,
) -> None:
    extracted, downloads = aside / "extracted", aside / "downloads"
    extracted.mkdir()
    files = raw_files.LocalFiles(dataset, raw, extracted)
    split_generators, generate = builder._split_generators, builder._generate_examples
    task = progress.add_task(f"writing {dataset}", total=raw_files.RAW_FILES[dataset].num_examples)

    def local_split_generators(dl_manager: Any) -> Any:
        del dl_manager  # It would fetch the files.
        generators = split_generators(files)
        if isinstance(generators, dict):
            return generators
        return [each for each in generators if None not in each.gen_kwargs.values()]

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for example in generate(*args, **kwargs):
            yield example
            progress.advance(task)

    # The two methods that every TFDS builder defines, on this one builder: a class of the same
    # name would leave its own module's name in the data set's description.
    builder._split_generators, builder._generate_examples = local_split_generators, counted
    tfds.disable_progress_bar()
    # What TFDS prints is about downloads.
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(
            download_dir=downloads,
            download_config=tfds.download.DownloadConfig(try_download_gcs=False),
        )
    progress.update(task, total=sum(split.num_examples for split in builder.info.splits.values()))


def run(dataset: str, raw_dir: str, data_dir: str | None, *, quiet: bool) -> int:
    """Prepares the data set, says what there is and what to type next; returns the exit status."""
    try:
        builder = prepare(dataset, raw_dir, data_dir, quiet=quiet)
    except (ValueError, OSError) as error:
        return program.mistake(error)
    if not quiet:
        splits = ", ".join(
            f"{name} {split.num_examples:,}" for name, split in builder.info.splits.items()
        )
        print(f"{builder.data_dir}: {splits}")
        print(
            f"Next: python -m trainers.train --dataset={dataset} "
            f"--data_dir={builder.data_dir_root} --workdir=runs/{dataset}"
        )
    return 0
