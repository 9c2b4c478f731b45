"""What --table and --render end in: tables on the screen and in files."""

import json
import pathlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from trainers import errors
from trainers.benchmarking import child
from trainers.evidence import cells, forms, making, picture, rendering
from trainers.evidence import rows as rows_lib
from trainers.evidence import speed as speed_lib
from trainers.evidence.planning import Run
from trainers.evidence.record import Record
from trainers.evidence.rows import Row
from trainers.run.storage import storing, write_aside
from xadv_tf import figures


def table(runs: Sequence[Run], folder: pathlib.Path) -> str:
    """Shows the table of finished runs and writes its files; returns a line that says where.

    Args:
        runs: of a plan, finished.
        folder: where table.md, .csv, .tex and .png go.
    """
    files = dict.fromkeys(run.file for run in runs)
    places = {run.workdir for run in runs}
    for file in files:  # Other seeds, and other draws of labels, of earlier calls.
        places |= {place.parent for place in (folder / file.stem).glob("**/seed_*/result.json")}
    records = [made for place in sorted(places) if (made := _record(place)) is not None]
    rows = [row for file in files for row in rows_lib.of(file, records) if row.accuracies]
    rows = by_task(rows)
    if not rows:
        return (
            "No table: the test images were not looked at, or settings differ from the flagfiles'"
        )
    tables = cells.of(rows)
    forms.show(tables)
    with storing(f"the table in {folder}"):
        write(rows, folder / "table")
    return f"Table: {folder}/table.md, .csv, .tex and .png"


def _record(place: pathlib.Path) -> Record | None:
    """The record of a finished run; None, and a warning, for one with a damaged file."""
    try:
        return making.from_run(place, flag="--workdir")
    except errors.UsageError as error:
        warnings.warn(f"left out of the table: {error}", stacklevel=3)
        return None


def write(rows: Sequence[Row], stem: pathlib.Path) -> None:
    """Writes the four files of a table, their names `stem` and an ending."""
    tables = [*cells.of(rows), *cells.strengths(rows)]
    write_aside(stem.with_suffix(".md"), forms.markdown(tables))
    write_aside(stem.with_suffix(".csv"), forms.csv_text(rows))
    write_aside(stem.with_suffix(".tex"), forms.latex(tables))
    figures.save(picture.draw(rows), stem.with_suffix(".png"))


def by_task(rows: Sequence[Row]) -> list[Row]:
    """The rows of a task beside each other, tasks in the order in which they first appear."""
    tasks = list(dict.fromkeys(row.task for row in rows))
    return sorted(rows, key=lambda row: tasks.index(row.task))


def speed(
    sizes: Sequence[speed_lib.Size],
    names: Sequence[str],
    repeats: int,
    seconds: float,
    *,
    output: str | None,
    old: Mapping[str, Any] | None,
) -> int:
    """Times size by size and shows the table; returns the exit status.

    Args:
        sizes: as `speed.plan` has them.
        names: of the methods.
        repeats: rounds at most.
        seconds: for each method, about.
        output: the file of all numbers, or None.
        old: an earlier report to compare with, or None.
    """
    from trainers.run.provenance import has_gpu, provenance  # Of TensorFlow.

    report: dict[str, Any] = {**provenance(), "sizes": []}
    for number, size in enumerate(sizes, start=1):
        child.report(f"[{number}/{len(sizes)}] {size.dataset}: {', '.join(names)}")
        try:
            measured = speed_lib.measure(
                size, names, repeats=repeats, seconds=seconds, jit=has_gpu()
            )
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return errors.FAILED
        report["sizes"].append(measured)
        if output:
            with storing(f"the numbers in {output}"):
                write_aside(pathlib.Path(output), json.dumps(report, indent=2) + "\n")
    # As they are read again: what was a tuple is a list there.
    report = json.loads(json.dumps(report))
    forms.show([speed_lib.cells(report), *([speed_lib.comparison(report, old)] if old else [])])
    return 0


def render() -> int:
    """Makes the pages of the records; returns the exit status."""
    for page in rendering.write():
        print(page)
    return 0
