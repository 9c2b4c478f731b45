"""What the benchmark makes of its measurements: ratios, shares, and a table."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, table

from flags import methods
from trainers.benchmarking.timed_step import Setting

_ROWS = methods.rows()


def describe(setting: Setting) -> str:
    """The setting in a line: model, precision, compiler, sizes."""
    size = "x".join(str(n) for n in setting.image_shape)
    return (
        f"{setting.model}, {setting.precision}, jit {'on' if setting.jit else 'off'}: "
        f"{setting.labeled_batch_size} + {setting.unlabeled_batch_size} images of {size}, "
        f"pool of {setting.num_pool:,}"
    )


def summarize(setting: Setting, measured: Mapping[str, Any]) -> dict[str, Any]:
    """All numbers of one setting, for the table and for the JSON.

    Args:
        setting: what was measured.
        measured: as `step_timing.compare` returns it, each row with "peak_memory_bytes".

    Returns:
        The setting's fields, "rates", "peak" (the best of them), "copy", and "rows": all that was
        measured and, for each method, "milliseconds" and "loop_milliseconds" per step (medians over
        the rounds), "gflops" (1e9 operations per second), "share_of_peak", "share_of_floor" (the
        least time at the machine's rates, as a share of the step's), "loop_throughput" as a share
        of the bare step's, "ratio_to" each method (the last two are medians over the rounds of the
        ratio within a round), and "forward_passes": the operations of a step as a multiple of those
        of one forward pass of the unlabeled batch.
    """
    rows = measured["rows"]
    best = max(measured["rates"], key=lambda rate: rate["gflops"])

    def complete(row: Mapping[str, Any]) -> dict[str, Any]:
        seconds = statistics.median(row["bare"])
        gflops = 1e-9 * row["operations"] / seconds
        ratios = {other["method"]: _median_ratio(row["bare"], other["bare"]) for other in rows}
        return {
            **row,
            "milliseconds": 1000 * seconds,
            "loop_milliseconds": 1000 * statistics.median(row["loop"]),
            "gflops": gflops,
            "share_of_peak": gflops / best["gflops"],
            "share_of_floor": row["floor"]["milliseconds"] / (1000 * seconds),
            "loop_throughput": _median_ratio(row["bare"], row["loop"]),
            "ratio_to": ratios,
            "forward_passes": row["operations"] / row["forward_operations"],
        }

    return {
        **dataclasses.asdict(setting),
        "peak": best,
        "rates": measured["rates"],
        "copy": measured["copy"],
        "rows": [complete(row) for row in rows],
    }


def make_table(setting: Setting, summary: Mapping[str, Any]) -> table.Table:
    """One setting's table, at most 100 columns wide.

    Args:
        setting: what was measured.
        summary: as `summarize` returns it.
    """
    shown = table.Table(
        box=box.SIMPLE_HEAD,
        title=describe(setting),
        caption=_caption(summary),
        title_justify="left",
        caption_justify="left",
        collapse_padding=True,
        pad_edge=False,
    )
    shown.add_column("method", no_wrap=True)
    on_gpu = any(row["busy"] is not None for row in summary["rows"])
    # With XLA there are no steps but the loop's to compare it with.
    share = "busy %" if on_gpu else "loop %"
    times = ("ms/step", "of VAT", share)
    rates = ("GFLOP", "GFLOP/s", "peak %", "roof %")
    for title in (*times, *rates, "fwd", "bwd", "peak MB"):
        shown.add_column(title, justify="right", no_wrap=True)
    for row in summary["rows"]:
        of_vat = row["ratio_to"].get("vat")
        shown.add_row(
            methods.label(*_ROWS[row["method"]]),
            _three_digits(row["milliseconds"]),
            f"{of_vat:.3f}" if of_vat else "-",
            _percent(row["busy"] if on_gpu else row["loop_throughput"]),
            _three_digits(1e-9 * row["operations"]),
            _three_digits(row["gflops"]),
            f"{100 * row['share_of_peak']:.1f}",
            f"{100 * row['share_of_floor']:.1f}",
            f"{row['forward_passes']:.2f}",
            str(row["backward_passes"]),
            f"{1e-6 * row['peak_memory_bytes']:.0f}",
        )
    return shown


def _caption(summary: Mapping[str, Any]) -> str:
    best = summary["peak"]
    lines = [
        f"peak: {_three_digits(best['gflops'])} GFLOP/s, {best['kernel'].strip()}, "
        f"{best['dtype']}; copy: {_three_digits(summary['copy'])} GB/s",
        "roof %: share of a step's time that its operations and bytes need at these two rates; "
        "fwd, bwd: passes",
    ]
    for row in summary["rows"]:
        if row["method"] == "xvat_transductive" and "xvat_inductive" in row["ratio_to"]:
            lines.append(f"xVAT-T takes {row['ratio_to']['xvat_inductive']:.3f} of xVAT-I's time")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _three_digits(number: float) -> str:
    """A positive number with the digits that a measurement has, as a whole one from 100 on."""
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}"


def _median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))
