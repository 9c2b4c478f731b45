"""The table of explanations: for the terminal at 80 columns, and for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, console, table

from trainers.explaining.measuring import CLASSIFIER, REFEREE
from trainers.explaining.summaries import MEASURES
from trainers.explaining.switched_off import WORDS

Row = Mapping[str, Any]
# Less is better for deletion, more for insertion.
_BETTER = {"deletion": -1, "insertion": 1}
_SHORT = {"deletion": "del", "insertion": "ins"}


def print_tables(report: Mapping[str, Any]) -> None:
    """Prints a section for each way of switching off, and the leak test.

    Args:
        report: what explain.json holds.
    """
    screen = console.Console()
    rows: Sequence[Row] = report["rows"]
    judges = [judge for judge in (CLASSIFIER, REFEREE) if any(r["judge"] == judge for r in rows)]
    for way in dict.fromkeys(row["switched_off"] for row in rows):
        screen.print(_section(rows, way, judges, report))
    screen.print(_leaks(report["leaks"]))
    screen.print(_legend(report), highlight=False)


def csv_text(rows: Sequence[Row]) -> str:
    """A line for each explanation, judge and way of switching off."""
    quantities = ("area", "agreement_area", "minus_random")
    heads = ["explanation", "judge", "switched_off"]
    columns = [(m, q, end) for m in MEASURES for q in quantities for end in ("mean", "low", "high")]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*heads, *("_".join(column) for column in columns)])
    for row in rows:
        values = [row[measure][quantity][end] for measure, quantity, end in columns]
        writer.writerow([*(row[head] for head in heads), *values])
    return written.getvalue()


def _section(
    rows: Sequence[Row], way: str, judges: Sequence[str], report: Mapping[str, Any]
) -> table.Table:
    other = not report["referees"].get(way, {"same_way": True})["same_way"]
    shown = table.Table(
        title=f"switched off = {WORDS[way]}{' (referee trained otherwise)' if other else ''}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    shown.add_column("explanation", no_wrap=True)
    for judge in judges:
        for measure in MEASURES:
            arrow = "↓" if _BETTER[measure] < 0 else "↑"
            shown.add_column(f"{judge}\n{_SHORT[measure]} {arrow}", justify="right", no_wrap=True)
    names = list(dict.fromkeys(row["explanation"] for row in rows))
    by_key = {(row["explanation"], row["judge"]): row for row in rows if row["switched_off"] == way}
    for name in names:
        cells = [_cell(by_key[name, judge], measure) for judge in judges for measure in MEASURES]
        shown.add_row(name, *cells)
    return shown


def _cell(row: Row, measure: str) -> str:
    area, difference = row[measure]["area"], row[measure]["minus_random"]
    half = (area["high"] - area["low"]) / 2
    if difference["low"] <= 0 <= difference["high"]:
        mark = " "
    else:
        mark = "+" if difference["mean"] * _BETTER[measure] > 0 else "-"
    return f"{area['mean']:.3f}±{half:.3f}{mark}"


def _leaks(rows: Sequence[Row]) -> table.Table:
    shown = table.Table(
        title="leak test: the class told from the map alone",
        title_justify="left",
        min_width=48,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    shown.add_column("what the probe sees", no_wrap=True)
    shown.add_column("accuracy %", justify="right")
    for row in rows:
        accuracy = row["accuracy"]
        if accuracy is None:
            shown.add_row(row["seen"], "-")
            continue
        half = 50 * (accuracy["high"] - accuracy["low"])
        shown.add_row(row["seen"], f"{100 * accuracy['mean']:.1f} ± {half:.1f}")
    return shown


def _legend(report: Mapping[str, Any]) -> str:
    runs = len(report.get("seeds", ()))
    interval, where = "bootstrap interval over images", "on the same images"
    if runs:
        interval, where = f"interval over {runs} runs (Student)", "in the same run"
    told = (
        f"{report['num_images']} test images, {100 * report['accuracy']:.1f} % of them classified "
        "rightly. Area under the probability of the class that the classifier gives the intact "
        f"image, over the share of pixels; ± half of the 95 % {interval}; + better, - worse than "
        f"the random order {where}, where the 95 % interval of the difference leaves out 0 (no "
        "correction for many comparisons)."
    )
    return " ".join([told, *report["notes"]])
