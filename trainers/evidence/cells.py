"""Tables of results as texts in cells: what all forms of a table, from terminal to LaTeX, show."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from trainers.evidence import rows as rows_lib
from trainers.evidence import statistics
from trainers.evidence.rows import REFERENCES, Row
from trainers.evidence.statistics import Difference
from xadv_tf import metrics

_NOTHING = "–"
# As the logs call them.
STRENGTHS = ("kept_pixels", "perturbation_energy")
_STRENGTHS_NOTE = (
    "kept: share of a mask's gates that are not 0; energy: ||x_adv - x||^2 / ||x||^2; means over "
    "the last logged steps of each run, with the standard deviation over runs, and in brackets "
    "over how many where not all of them log it."
)
_CLUSTERS = (
    "Runs that share a draw of labels or a seed are no independent ones: intervals and p are by "
    "clusters of both (Cameron, Gelbach & Miller 2011), whose degrees of freedom are one less than "
    "there are draws or seeds, whichever are fewer."
)


@dataclasses.dataclass(frozen=True)
class Cells:
    """A table.

    Attributes:
        title: in one line.
        columns: headings; the first is the rows' names.
        rows: texts, as many as columns.
        notes: sentences for below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def of(rows: Sequence[Row]) -> list[Cells]:
    """The tables of rows, two a task: the results, and who is better than whom."""
    tables = []
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task]
        tables.append(_results(f"Test accuracy: {task}", own))
        compared = _comparisons(f"Differences on the same seeds: {task}", own)
        if compared.rows:
            tables.append(compared)
    return tables


def strengths(rows: Sequence[Row]) -> list[Cells]:
    """What the methods' disturbances take, a table a task: rows compare at equal strength."""
    tables = []
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task]
        lines = [
            [name, *(_strength(row, logged) for logged in STRENGTHS)]
            for name, row in zip(names(own), own, strict=True)
            if any(row.last_logged(logged) for logged in STRENGTHS)
        ]
        if lines:
            columns = ["method", "kept", "energy"]
            tables.append(Cells(f"What is taken: {task}", columns, lines, [_STRENGTHS_NOTE]))
    return tables


def references(row: Row, rows: Sequence[Row]) -> Mapping[str, Difference | None]:
    """A row against `REFERENCES` among rows of its task and length."""
    compared = {}
    for label, name in REFERENCES.items():
        others = [
            other
            for other in rows
            # An ablation has several of a method: masks of other strengths, say.
            if (other.label, _short(other)) == (label, name)
            and (other.task, other.steps) == (row.task, row.steps)
            and other is not row
        ]
        compared[label] = rows_lib.compare(row, others[0]) if others else None
    return compared


def names(rows: Sequence[Row]) -> list[str]:
    """What rows are called: by method, flagfile where methods repeat, and steps where quick."""
    files: dict[tuple[rows_lib.Task, str], set[str]] = {}
    for row in rows:
        files.setdefault((row.task, row.label), set()).add(row.name)
    called = []
    for row in rows:
        name = row.label if len(files[row.task, row.label]) == 1 else f"{row.label} ({_short(row)})"
        # A recipe that was cut at several lengths is a row for each.
        called.append(f"{name}, {row.steps:,} steps" if row.quick else name)
    return called


def _short(row: Row) -> str:
    """The name of a row's flagfile without the data set, which the table's title has."""
    return row.name.removeprefix(f"{row.task.dataset.removesuffix('_cropped')}_")


def _results(title: str, rows: Sequence[Row]) -> Cells:
    lines = []
    for name, row in zip(names(rows), rows, strict=True):
        spread = row.spread
        low, high = spread.interval_of_shares()
        published = row.header.published
        lines.append(
            [
                name,
                str(spread.n),
                _mark(row, spread.mean_and_std(100, 2)),
                _mark(row, _NOTHING if math.isnan(low) else f"{100 * low:.2f} to {100 * high:.2f}"),
                _NOTHING if published is None else f"{published:.2f}",
                _NOTHING
                if published is None
                else _mark(row, f"{100 * spread.mean - published:+.2f}"),
                row.weights,
                f"{row.epochs:g}",
            ]
        )
    columns = ["method", "n", "accuracy %", "95 % interval", "published %", "difference",
               "weights", "epoch"]  # fmt: skip
    return Cells(title, columns, lines, [*_about(rows), *_spreads(rows), *_made_by(rows)])


def _comparisons(title: str, rows: Sequence[Row]) -> Cells:
    compared = [references(row, rows) for row in rows]
    there = [label for label in REFERENCES if any(each[label] for each in compared)]
    lines = [
        [name, *(_mark(row, _difference(each[label])) for label in there)]
        for name, row, each in zip(names(rows), rows, compared, strict=True)
        if any(each.values())
    ]
    notes = [
        "Points of accuracy, the mean over the seeds that both have; p of Student's paired test; "
        "in brackets the seeds in which McNemar's exact test on the test images finds the row "
        "better, and worse, at 5 %, of those tested. No p is corrected for how many there are."
    ]
    return Cells(title, ["method", *(f"against {label}" for label in there)], lines, notes)


def _about(rows: Sequence[Row]) -> list[str]:
    notes = [
        "Mean and standard deviation over n seeds; the interval is that of the mean (Student). "
        "Weights and epoch are those that were evaluated."
    ]
    if any(statistics.shares(row.accuracies) for row in rows):
        notes.append(_CLUSTERS)
    notes += [
        f"{name}: all runs on one draw of labels (label seed {min(row.accuracies)[0]}), of which "
        "alone the numbers speak."
        for name, row in zip(names(rows), rows, strict=True)
        if len({draw for draw, _ in row.accuracies}) == 1
        and any(draw != seed for draw, seed in row.accuracies)
    ]
    if any(row.quick for row in rows):
        lengths = sorted({(row.steps, row.full_steps) for row in rows if row.quick})
        told = ", ".join(f"{steps:,} of {full:,}" for steps, full in lengths)
        notes.append(f"quick: after {told} steps; no number of the recipe.")
    sources = dict.fromkeys(
        f"{row.label}: {row.header.source}" for row in rows if row.header.published is not None
    )
    return [*notes, *([f"Published: {'; '.join(sources)}."] if sources else [])]


def _spreads(rows: Sequence[Row]) -> list[str]:
    notes = []
    for row in rows:
        found = rows_lib.variances(row)
        if found and not math.isnan(found.shares()[0]):
            draw, seed, rest = (f"{100 * share:.0f} %" for share in found.shares())
            notes.append(
                f"{row.label}, {found.draws} draws of labels x {found.seeds} seeds: of the "
                f"variance {draw} is the draw's, {seed} the seed's, {rest} the rest."
            )
    return notes


def _made_by(rows: Sequence[Row]) -> list[str]:
    made = [record.content["made_by"] for row in rows for record in row.records]
    told = [
        f"{name} {', '.join(dict.fromkeys(str(each[name]) for each in made))}"
        for name in ("commit", "hardware", "tensorflow")
    ]
    return [f"{len(made)} runs; {'; '.join(told)}."]


def _mark(row: Row, text: str) -> str:
    return f"{text} (quick)" if row.quick and text != _NOTHING else text


def _strength(row: Row, logged: str) -> str:
    values = row.last_logged(logged)
    if not values:
        return _NOTHING
    told = metrics.spread(values).mean_and_std(1, 3)
    return told if len(values) == len(row.records) else f"{told} ({len(values)})"


def _difference(found: Difference | None) -> str:
    if found is None:
        return _NOTHING
    parts = [f"{100 * found.mean:+.2f}"]
    if found.p is not None:
        parts.append("p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}")
    text = ", ".join(parts)
    if found.tested:
        text += f" [{found.better} better, {found.worse} worse of {found.tested}]"
    return text
