"""How a program ends other than well: the errors that say so, and the exit statuses."""

import os
import re
import sys
from typing import Any

# A mistake in what was asked; the same as absl's and argparse's.
MISTAKE = 2
FAILED = 1
# sysexits.h: "temporary failure, the user is invited to retry". Batch systems requeue on it.
PREEMPTED = 75

_INSIDE_TENSORFLOW = re.compile(r"\{\{.*?\}\} ?|\[Op:\w*\]|\[\[.*?\]\]")
# What TensorFlow puts before the reason that a graph failed for: its heading, and where the graph's
# operation was made, file by file.
_HEADING = re.compile(r"\s|$|Graph execution error:$|Detected at node |<stack traces unavailable>$")


class UsageError(ValueError):
    """A user's mistake, in one sentence that names the flag and what was received."""


class InUseError(UsageError):
    """Another process is at work in the directory."""


class RunFailedError(Exception):
    """The run cannot go on; the message is one sentence for the user."""


class PeerLostError(RunFailedError):
    """Another process of the run is gone; all of them started again go on with it."""


class PreemptedError(Exception):
    """The run was asked to stop and has saved all that it needs to go on.

    Attributes:
        step: at which it stands.
    """

    def __init__(self, message: str, step: int = 0) -> None:
        super().__init__(message)
        self.step = step


def from_outside(*also: type[Exception]) -> tuple[type[Exception], ...]:
    """The errors of disks, networks and memory: OSError, MemoryError and TensorFlow's own.

    For an except clause, which asks when something was raised: TensorFlow is not imported for it.

    Args:
        *also: more that the clause is for.
    """
    tensorflow: Any = sys.modules.get("tensorflow")
    own = (tensorflow.errors.OpError,) if hasattr(tensorflow, "errors") else ()
    return (OSError, MemoryError, *own, *also)


def reason(error: BaseException) -> str:
    """What an error says, in one line, without where in TensorFlow it arose."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    lines = _INSIDE_TENSORFLOW.sub("", str(text)).strip().splitlines()
    return next((line.strip() for line in lines if not _HEADING.match(line)), "")


def sentence(error: BaseException) -> str:
    """What an error says to the user: of a file of which the system complains, its name too."""
    if isinstance(error, UsageError | RunFailedError):
        return _INSIDE_TENSORFLOW.sub("", str(error))
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {reason(error)}"
    return reason(error) or type(error).__name__
