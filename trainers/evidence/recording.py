"""Makes records of the finished runs that a pattern names."""

import glob
import pathlib
import sys
from collections.abc import Sequence

from trainers import errors
from trainers.errors import UsageError
from trainers.evidence import making
from trainers.evidence import record as record_lib
from trainers.run import results
from trainers.run.storage import refuse_unwritable, storing
from trainers.settings import run_flags

# From the project's root, where the pages lie that are made of them.
FOLDER = pathlib.Path("results/runs")


def record(patterns: str, output: str | None) -> int:
    """Writes the records, and says of each run what became of it; returns the exit status.

    Args:
        patterns: directories of runs, or patterns of such, with commas between; ** stands for any
            folders.
        output: the records' folder; None is `FOLDER`.

    Raises:
        UsageError: no run is named, or the folder cannot be written.
    """
    folder = pathlib.Path(output) if output else FOLDER
    refuse_unwritable(folder, flag="--output")
    status = 0
    for run in find(patterns):
        if results.read(run) is None:
            print(f"{run}: not finished, no record")
            if (run / results.NAME).exists():  # Damaged, which was said.
                status = errors.MISTAKE
            continue
        try:
            made = making.from_run(run)
            with storing(f"the record of {run}"):
                file = record_lib.write(made, folder)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            status = errors.MISTAKE
            continue
        kept = "" if made.predicted is not None else ", without predictions: it left none"
        print(f"{run}: {file}{kept}")
    return status


def find(patterns: str) -> Sequence[pathlib.Path]:
    """The directories of runs that --record names.

    Raises:
        UsageError: a part of it fits none.
    """
    found: list[pathlib.Path] = []
    for pattern in patterns.split(","):
        escaped = glob.escape(pattern) if (pathlib.Path(pattern) / run_flags.NAME).is_file() else ""
        configs = glob.glob(f"{escaped or pattern}/{run_flags.NAME}", recursive=True)
        if not pattern or not configs:
            raise UsageError(
                f"--record must name directories of runs, where {run_flags.NAME} is, or a pattern "
                f"of such. Received: --record={pattern or patterns}"
            )
        found += sorted(pathlib.Path(config).parent for config in configs)
    return list(dict.fromkeys(found))
