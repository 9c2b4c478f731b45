"""What --table and --render end in: tables on the screen and in files."""

import pathlib
from collections.abc import Sequence

from trainers.evidence import cells, forms, picture, rendering
from trainers.evidence import record as record_lib
from trainers.evidence import rows as rows_lib
from trainers.evidence.planning import Run
from trainers.evidence.rows import Row
from trainers.run.storage import storing, write_aside
from xadv_tf import figures


def table(runs: Sequence[Run], folder: pathlib.Path) -> str:
    """Shows the table of finished runs and writes its files; returns a line that says where.

    Args:
        runs: of a plan, finished.
        folder: where table.md, .csv, .tex and .png go.
    """
    records = [record_lib.from_run(run.workdir) for run in runs]
    files = dict.fromkeys(run.file for run in runs)
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


def write(rows: Sequence[Row], stem: pathlib.Path) -> None:
    """Writes the four files of a table, their names `stem` and an ending."""
    tables = cells.of(rows)
    write_aside(stem.with_suffix(".md"), forms.markdown(tables))
    write_aside(stem.with_suffix(".csv"), forms.csv_text(rows))
    write_aside(stem.with_suffix(".tex"), forms.latex(tables))
    figures.save(picture.draw(rows), stem.with_suffix(".png"))


def by_task(rows: Sequence[Row]) -> list[Row]:
    """The rows of a task beside each other, tasks in the order in which they first appear."""
    tasks = list(dict.fromkeys(row.task for row in rows))
    return sorted(rows, key=lambda row: tasks.index(row.task))


def render() -> int:
    """Makes the pages of the records; returns the exit status."""
    for page in rendering.write():
        print(page)
    return 0
