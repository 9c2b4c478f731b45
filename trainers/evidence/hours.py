"""How long the runs of a plan take, as far as that is known before."""

import pathlib
import statistics
from collections.abc import Sequence

from trainers.evidence import headers, terminal
from trainers.evidence import rows as rows_lib
from trainers.evidence.planning import Run
from trainers.evidence.record import Record


def expected(run: Run, runs: Sequence[Run], records: Sequence[Record] = ()) -> tuple[float, str]:
    """How long a whole run is expected to take, and by what.

    Args:
        run: of the plan.
        runs: all of the plan.
        records: of earlier runs.

    Returns:
        Hours; and "here" by the milliseconds a step of the row's finished runs, "records" by those
        of its records, of GPUs if this machine has one and of CPUs if not, or "header" by its
        flagfile's.
    """
    on_gpu = _has_gpu()
    paces = [
        other.result["milliseconds_per_step"]
        for other in runs
        if other.file == run.file and other.result is not None
    ]
    recorded = [
        record.content["time"]["milliseconds_per_step"]
        for row in rows_lib.of(run.file, records)
        for record in row.records
        # provenance writes "1 x CARD" or "2 cores, CPU": a card takes a hundredth of the time.
        if (" cores, " not in record.content["made_by"]["hardware"]) == on_gpu
    ]
    for source, found in (("here", paces), ("records", recorded)):
        # NaN or nothing where a run did not measure it.
        known: list[float] = [pace for pace in found if pace is not None and pace == pace]
        if known:
            pace = float(statistics.median(known))
            return pace * run.experiment.train_steps / 3.6e6, source
    whole = rows_lib.experiment(run.file).train_steps
    return headers.read(run.file).hours * run.experiment.train_steps / whole, "header"


def show(runs: Sequence[Run], records: Sequence[Record] = ()) -> None:
    """Prints the plan: a line a row, how many of its runs are finished, the hours that are left.

    Args:
        runs: the plan.
        records: of earlier runs.
    """
    shown = terminal.table_of("row", "finished", "steps", "hours each", "by", "hours left")
    total = 0.0
    for file in dict.fromkeys(run.file for run in runs):
        own = [run for run in runs if run.file == file]
        finished = sum(run.result is not None for run in own)
        each, source = expected(own[0], runs, records)
        left = each * (len(own) - finished)
        total += left
        shown.add_row(
            f"{file.parent.name}/{file.stem}",
            f"{finished} of {len(own)}",
            f"{own[0].experiment.train_steps:,}",
            f"{each:.2f}",
            source,
            f"{left:.2f}",
        )
    terminal.screen().print(shown)
    terminal.screen().print(
        f"{total:.2f} hours left for one process, by finished runs here, by records of "
        f"{'GPUs' if _has_gpu() else 'CPUs'} or by the flagfiles' headers (2 cores)",
        highlight=False,
    )


def _has_gpu() -> bool:
    """Whether a driver knows of one; to ask TensorFlow takes longer than to show a plan."""
    return any(pathlib.Path("/proc/driver/nvidia/gpus").glob("*"))
