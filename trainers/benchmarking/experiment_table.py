"""What the benchmark makes of the measurements of experiments: rates, predictions, a table."""

import collections
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, table


def summarize(measured: Mapping[str, Any]) -> dict[str, Any]:
    """All numbers of one experiment, for the table and for the JSON.

    Args:
        measured: as `experiment_timing.measure` returns it.

    Returns:
        The same with "milliseconds" per step (median over the rounds), "gflops" (1e9 operations
        per second), "peak" (the best of the rates), "share_of_peak", "predicted_milliseconds" (the
        step's operations at the reference's rate) and "of_predicted": the time of the step as a
        multiple of the predicted one, a median over the rounds of the ratio within a round. The
        reference has its "gflops".
    """
    reference = measured["reference"]
    seconds = statistics.median(measured["seconds"])
    reference_rate = reference["operations"] / statistics.median(reference["seconds"])
    gflops = 1e-9 * measured["operations"] / seconds
    best = max(measured["rates"], key=lambda rate: rate["gflops"])
    relative = measured["operations"] / reference["operations"]
    pairs = zip(measured["seconds"], reference["seconds"], strict=True)
    return {
        **measured,
        "milliseconds": 1000 * seconds,
        "gflops": gflops,
        "peak": best,
        "share_of_peak": gflops / best["gflops"],
        "predicted_milliseconds": 1000 * measured["operations"] / reference_rate,
        "of_predicted": statistics.median(own / other for own, other in pairs) / relative,
        "reference": {**reference, "gflops": 1e-9 * reference_rate},
    }


def make_tables(rows: Sequence[Mapping[str, Any]]) -> list[table.Table]:
    """A table for each folder of flagfiles, at most 100 columns wide.

    Args:
        rows: as `summarize` returns them, each with its "flagfile".
    """
    by_folder = collections.defaultdict(list)
    for row in rows:
        by_folder[pathlib.Path(row["flagfile"]).parent].append(row)
    return [_make_table(str(folder), rows) for folder, rows in by_folder.items()]


def _make_table(folder: str, rows: Sequence[Mapping[str, Any]]) -> table.Table:
    peaks = [row["peak"]["gflops"] for row in rows]
    shown = table.Table(
        box=box.SIMPLE_HEAD,
        title=f"{folder}: {rows[0]['steps']} steps each",
        caption=(
            "predicted: the GFLOP at the rate of plain supervised steps of the same network on "
            "the larger of the two batches, timed in turns; ratio: ms/step over predicted\n"
            f"peak: {min(peaks):.1f} to {max(peaks):.1f} GFLOP/s, measured beside each row"
        ),
        title_justify="left",
        caption_justify="left",
        collapse_padding=True,
        pad_edge=False,
    )
    labels = [row["method"] for row in rows]
    repeated = len(set(labels)) < len(labels)
    shown.add_column("experiment" if repeated else "method", overflow="fold")
    shown.add_column("model", no_wrap=True)
    shown.add_column("batch", justify="right", no_wrap=True)
    for title in ("ms/step", "GFLOP", "GFLOP/s", "of peak %", "predicted", "ratio"):
        shown.add_column(title, justify="right", overflow="fold")
    for row in rows:
        sizes = (row["labeled_batch_size"], row["unlabeled_batch_size"])
        shown.add_row(
            pathlib.Path(row["flagfile"]).stem if repeated else row["method"],
            row["model"],
            " + ".join(map(str, sizes)),
            f"{row['milliseconds']:.1f}",
            f"{1e-9 * row['operations']:.2f}",
            f"{row['gflops']:.1f}",
            f"{100 * row['share_of_peak']:.1f}",
            f"{row['predicted_milliseconds']:.1f}",
            f"{row['of_predicted']:.2f}",
        )
    return shown
