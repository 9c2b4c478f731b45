"""The small files that say how a run stands, read back whole, or named as damaged."""

import json
import pathlib
import warnings
from collections.abc import Collection, Mapping
from typing import Any

from trainers.errors import UsageError
from trainers.run.storage import refuse_unwritable
from trainers.settings import run_flags

# The types of what others make numbers and tables of.
_RESULT = {
    "method": str,
    "test_accuracy": float | int | None,
    "milliseconds_per_step": float | int,
    "backward_passes": int,
    "train_steps": int,
}


class DamagedError(UsageError):
    """A file is there, but not as it was written."""


def read(
    file: pathlib.Path, *, needs: Collection[str] | Mapping[str, Any] = ()
) -> dict[str, Any] | None:
    """What a file of one JSON object holds; None if there is no file.

    Args:
        file: written by this project.
        needs: names that the object must have; in a mapping, with their types.

    Raises:
        DamagedError: it is empty, cut, no JSON, or of something else; the message names the file
            and what is wrong.
    """
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DamagedError(f"{file} cannot be read ({error.strerror})") from error
    if not content.strip(b" \t\r\n\0"):
        raise DamagedError(f"{file} is damaged (it is empty)")
    try:
        value = json.loads(content)
    except ValueError as error:  # Of bytes that are no text, too.
        raise DamagedError(f"{file} is damaged (it is no JSON)") from error
    except RecursionError as error:
        raise DamagedError(f"{file} is damaged (it is no JSON of ours)") from error
    if not isinstance(value, dict):
        raise DamagedError(f"{file} is damaged (it must hold an object in braces)")
    missing = [name for name in needs if name not in value]
    if missing:
        raise DamagedError(f"{file} is damaged (it lacks {', '.join(missing)})")
    types = needs if isinstance(needs, Mapping) else {}
    wrong = [name for name, kind in types.items() if not isinstance(value[name], kind)]
    if wrong:
        raise DamagedError(f"{file} is damaged (of the wrong type: {', '.join(wrong)})")
    return value


def read_if_sound(
    file: pathlib.Path, *, needs: Collection[str] | Mapping[str, Any] = (), otherwise: str
) -> dict[str, Any]:
    """The same of a file that one can do without: {} if there is none, or, with a warning, no good.

    Args:
        file: as for `read`.
        needs: as for `read`.
        otherwise: what is done without it, for the warning.
    """
    try:
        return read(file, needs=needs) or {}
    except DamagedError as error:
        warnings.warn(f"{error}; {otherwise}", stacklevel=3)
        return {}


def result(run: str | pathlib.Path) -> dict[str, Any] | None:
    """A run's result.json; None for a run that is not finished, as one with a damaged file is.

    From its last checkpoint such a run is finished again without another step.
    """
    file = pathlib.Path(run) / "result.json"
    otherwise = "the run counts as not finished; its command writes it anew"
    return read_if_sound(file, needs=_RESULT, otherwise=otherwise) or None


def refuse_other_run(workdir: str, flags: str) -> None:
    """Checks what a directory can be asked before anything is loaded for a run in it.

    Args:
        workdir: value of --workdir.
        flags: the effective flags, one a line.

    Raises:
        UsageError: the directory cannot be written or belongs to a run with other flags.
    """
    if result(workdir) is None:
        refuse_unwritable(workdir, flag="--workdir")
    run_flags.refuse_changed(pathlib.Path(workdir), flags)
