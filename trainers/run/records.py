"""The small files that say how a run stands, read back whole, or named as damaged."""

import json
import pathlib
import warnings
from collections.abc import Collection, Mapping
from typing import Any

from trainers.errors import UsageError


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
