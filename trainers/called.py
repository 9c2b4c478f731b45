"""Programs that a program calls: they end when it is told to, and none is left to itself."""

import contextlib
import signal
import subprocess
import types
from collections.abc import Iterator, Sequence
from typing import Any

# Those that run now: of several workers each has one.
_running: set[subprocess.Popen[Any]] = set()


@contextlib.contextmanager
def ending_together() -> Iterator[None]:
    """While entered, SIGTERM is KeyboardInterrupt, and comes to the programs that are called too.

    Ctrl-C comes to all of them by itself. For the main thread.
    """

    def end(number: int, frame: types.FrameType | None) -> None:
        for process in tuple(_running):
            process.terminate()
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def started(command: Sequence[str], **pipes: Any) -> Iterator[subprocess.Popen[Any]]:
    """A program, from its start to its end.

    Args:
        command: its own, of this project.
        **pipes: further arguments of subprocess.Popen.
    """
    with subprocess.Popen(command, **pipes) as process:  # noqa: S603
        _running.add(process)
        try:
            yield process
        finally:
            _running.discard(process)
