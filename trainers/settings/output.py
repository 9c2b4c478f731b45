"""Where programs write for people: what cannot be written is lost, and ends nothing.

Hours of training must not end because the terminal is gone, the pager was left or the disk of the
log is full. It is settled here, below every print, table and progress bar.
"""

import contextlib
import io
import os
import sys
from typing import Any


def protect() -> None:
    """Makes stdout and stderr of this process take all that is written to them.

    What a failing pipe or disk refuses is dropped; once it takes something again, that is written.
    Characters that the terminal's encoding lacks are written as escapes.
    """
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None or not _is_open(descriptor):
            _occupy(descriptor)
        elif stream is not getattr(sys, f"__{name}__"):
            continue  # Somebody catches it.
        encoding = getattr(stream, "encoding", None) or "utf-8"
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
        raw = _Lossy(descriptor)
        protected = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=encoding,
            errors="backslashreplace",
            line_buffering=name == "stderr" or raw.isatty(),
        )
        setattr(sys, name, protected)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _occupy(descriptor: int) -> None:
    """Leads a closed descriptor nowhere; else the next file has it, and gets TensorFlow's words."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.set_inheritable(descriptor, True)  # dup2 onto itself does not.
    if nowhere != descriptor:
        os.close(nowhere)


class _Lossy(io.RawIOBase):
    """A descriptor of which every write succeeds."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with memoryview(data).cast("B") as view:
            done = 0
            with contextlib.suppress(OSError):
                while done < len(view):
                    done += os.write(self._descriptor, view[done:])
            return len(view)
