"""Pages of results, made of the records in results/runs and of nothing else.

A page that is written by hand and one that is made are different files: what stands in this one
cannot be typed, for a test compares it with what the records give.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from trainers.evidence import cells, forms, picture, planning, speed
from trainers.evidence import record as record_lib
from trainers.evidence import rows as rows_lib
from trainers.evidence.record import Record
from trainers.evidence.recording import FOLDER
from trainers.evidence.rows import Row
from trainers.run.storage import write_aside
from trainers.settings.command_line import EXPERIMENTS
from xadv_tf import figures

_PAGE = pathlib.Path("tables.md")
_HEAD = """# Tables

Made of the records in `runs/`, and of the times in `speed_*.json`, by
`python -m trainers.reproduce --render`; not to be edited. A record has the flags, data by their
hashes, commit, versions and hardware of its run, its curve, and what it says of each test image
beside it. `python -m trainers.reproduce --verify=RECORD` repeats the beginning of its run and
compares.
"""


def page(records: Sequence[Record], speeds: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of results/tables.md.

    Args:
        records: all.
        speeds: reports of --table=speed.
    """
    parts = [_HEAD]
    by_table = {table: rows_of(table, records) for table in tables()}
    for table, rows in by_table.items():
        if rows:
            parts += [f"## {table}\n", forms.markdown([*cells.of(rows), *cells.strengths(rows)])]
    if speeds:
        parts += ["## speed\n", forms.markdown([speed.cells(report) for report in speeds])]
    known = {record.name for rows in by_table.values() for row in rows for record in row.records}
    others = [record for record in records if record.name not in known]
    if others:
        parts += ["## Runs of no table\n", _others(others)]
    return "\n".join(parts)


def read_speeds(root: pathlib.Path) -> list[dict[str, Any]]:
    """The reports of --table=speed in a folder, speed_*.json."""
    return [speed.read(str(file)) for file in sorted(root.glob("speed_*.json"))]


def tables() -> list[str]:
    """The folders of flags/experiments."""
    return sorted({file.parent.name for file in EXPERIMENTS.glob("*/*.flags")})


def rows_of(table: str, records: Sequence[Record]) -> list[Row]:
    """The rows of a table that there are records of, in the table's order."""
    files = planning.files_in_order(table)
    rows = [row for file in files for row in rows_lib.of(file, records) if row.accuracies]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return sorted(rows, key=lambda row: tasks.index(row.task))


def write(root: pathlib.Path | None = None) -> list[pathlib.Path]:
    """Writes the page, and a picture and a CSV file of each table; returns their paths.

    Args:
        root: the folder of the pages, in which the records lie in runs/.
    """
    root = root or FOLDER.parent
    records = record_lib.read_all(root / FOLDER.name)
    write_aside(root / _PAGE, page(records, read_speeds(root)))
    written = [root / _PAGE]
    for table in tables():
        rows = rows_of(table, records)
        if rows:
            stem = root / f"table_{table}"
            write_aside(stem.with_suffix(".csv"), forms.csv_text(rows))
            figures.save(picture.draw(rows), stem.with_suffix(".png"))
            written += [stem.with_suffix(".csv"), stem.with_suffix(".png")]
    return written


def _others(records: Sequence[Record]) -> str:
    lines = ["| method | data | labels | seed | steps | accuracy % | record |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for record in records:
        run, accuracy = record.content, record.accuracy
        shown = "–" if accuracy is None else f"{100 * accuracy:.2f}"
        lines.append(
            f"| {record.label} | {run['dataset']} | {run['num_labeled']} | {record.seed} | "
            f"{run['result']['steps']:,} | {shown} | `{record.name}` |"
        )
    return "\n".join(lines) + "\n"
