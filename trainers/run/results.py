"""result.json: that a run is finished, and what it came to."""

import pathlib
import warnings
from typing import Any

import numpy as np

from trainers.run import predictions, records
from trainers.run.storage import refuse_unwritable
from trainers.settings import run_flags

NAME = "result.json"
# The types of what others make numbers and tables of.
_TYPES = {
    "method": str,
    "test_accuracy": float | int | None,
    "milliseconds_per_step": float | int,
    "backward_passes": int,
    "train_steps": int,
}
# An accuracy may have been counted in float32.
_ROUNDING = 1e-6


def read(run: str | pathlib.Path) -> dict[str, Any] | None:
    """A run's result.json; None for a run that is not finished.

    So is one whose result is damaged, or contradicts its own predictions: from its last checkpoint
    it is finished again without another step.
    """
    run = pathlib.Path(run)
    otherwise = "the run counts as not finished; its command writes it anew"
    found = records.read_if_sound(run / NAME, needs=_TYPES, otherwise=otherwise)
    if not found:
        return None
    try:
        _refuse_contradiction(run, found["test_accuracy"])
    except records.DamagedError as error:
        warnings.warn(f"{error}; {otherwise}", stacklevel=2)
        return None
    return found


def refuse_other_run(workdir: str, flags: str) -> None:
    """Checks what a directory can be asked before anything is loaded for a run in it.

    Args:
        workdir: value of --workdir.
        flags: the effective flags, one a line.

    Raises:
        UsageError: the directory cannot be written or belongs to a run with other flags.
    """
    if read(workdir) is None:
        refuse_unwritable(workdir, flag="--workdir")
    run_flags.refuse_changed(pathlib.Path(workdir), flags)


def _refuse_contradiction(run: pathlib.Path, accuracy: float | None) -> None:
    """Raises DamagedError where accuracy and predictions cannot be of one run."""
    kept = predictions.read(run)
    if accuracy is None or kept is None:
        return
    share = float(np.mean(kept[0] == kept[1]))
    if not abs(share - accuracy) <= _ROUNDING:  # NaN is near to nothing.
        raise records.DamagedError(
            f"{run / NAME} is damaged (test_accuracy is {accuracy}, of the predictions beside it "
            f"{share:.4f} are right)"
        )
