"""The forms of a table: Markdown, LaTeX, CSV, and what a terminal shows at 80 columns."""

import csv
import io
import math
from collections.abc import Sequence

from rich import box, console, table

from trainers.evidence import cells as cells_lib
from trainers.evidence.cells import Cells
from trainers.evidence.rows import REFERENCES, Row

# In front of each other in this order, as a backslash is part of what the others become.
_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "±": r"$\pm$",
    "–": "--",
    "<": "$<$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
# They are the same for all rows of most tables, and 80 columns are few.
_WIDE = ("weights", "epoch")


def markdown(tables: Sequence[Cells]) -> str:
    """The tables, each below its title in bold, with its notes."""
    parts = []
    for each in tables:
        lines = [_piped(each.columns), _piped(["---"] * len(each.columns))]
        lines += [_piped(row) for row in each.rows]
        parts += [f"**{each.title}**", "\n".join(lines), *each.notes]
    return "\n\n".join(parts) + "\n"


def _piped(texts: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def latex(tables: Sequence[Cells]) -> str:
    """The tables as floats, with the package booktabs."""
    parts = []
    for each in tables:
        columns = "l" + "r" * (len(each.columns) - 1)
        rows = [" & ".join(map(_in_latex, row)) + r" \\" for row in each.rows]
        heading = " & ".join(map(_in_latex, each.columns)) + r" \\"
        notes = " ".join(map(_in_latex, each.notes))
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    rf"\caption{{{_in_latex(each.title)}. {notes}}}",
                    rf"\begin{{tabular}}{{{columns}}}",
                    r"\toprule",
                    heading,
                    r"\midrule",
                    *rows,
                    r"\bottomrule",
                    r"\end{tabular}",
                    r"\end{table}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def csv_text(rows: Sequence[Row]) -> str:
    """A line a row, numbers with ten digits: shares and differences of shares, empty for none."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = [
        *("table", "dataset", "num_labeled", "name", "method", "steps", "full_steps", "quick"),
        *("n", "mean", "std", "interval_low", "interval_high", "published", "weights", "epoch"),
        *cells_lib.STRENGTHS,
    ]
    fields = ("n", "mean", "p", "better", "worse", "tested")
    head += [f"{label}_{name}" for label in REFERENCES for name in fields]
    writer.writerow(head)
    for row in rows:
        spread = row.spread
        published = row.header.published
        values: list[object] = [
            *(row.task.table, row.task.dataset, row.task.num_labeled, row.name, row.label),
            *(row.steps, row.full_steps, int(row.quick), spread.n, spread.mean),
            *map(_or_empty, (spread.std, *spread.interval_of_shares())),
            *("" if published is None else round(published / 100, 6), row.weights, row.epochs),
            *(_mean_or_empty(row.last_logged(name)) for name in cells_lib.STRENGTHS),
        ]
        for found in cells_lib.references(row, rows).values():
            of_pair = [getattr(found, name) for name in fields] if found else [None] * len(fields)
            values += ["" if value is None else value for value in of_pair]
        writer.writerow(map(_in_ten_digits, values))
    return file.getvalue()


def _in_ten_digits(value: object) -> object:
    """What lies beyond is rounding, which another machine does otherwise."""
    return f"{value:.10g}" if isinstance(value, float) else value


def _or_empty(value: float) -> float | str:
    return "" if math.isnan(value) else value


def _mean_or_empty(values: Sequence[float]) -> float | str:
    return sum(values) / len(values) if values else ""


def show(tables: Sequence[Cells]) -> None:
    """Prints the tables and their notes."""
    screen = console.Console()
    for each in tables:
        shown = [i for i, column in enumerate(each.columns) if column not in _WIDE]
        printed = table.Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=each.title,
            title_justify="left",
        )  # fmt: skip
        for i in shown:
            printed.add_column(each.columns[i], justify="right" if i else "left")
        for row in each.rows:
            printed.add_row(*(row[i] for i in shown))
        screen.print(printed)
        for column in _WIDE:
            if column in each.columns:
                place = each.columns.index(column)
                values = ", ".join(dict.fromkeys(row[place] for row in each.rows))
                screen.print(f"{column}: {values}", highlight=False)
        for note in each.notes:
            screen.print(note, highlight=False, markup=False)
        screen.print()
