"""Ctrl-C where there is nothing to save: a word instead of a traceback, and the usual status."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

STATUS = 128 + signal.SIGINT


def raise_again() -> None:
    """Ctrl-C raises KeyboardInterrupt from here on; trainers/__init__.py has it end the process."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def end_at_once() -> Iterator[None]:
    """Within it Ctrl-C ends the process; broken off by an exception, an import says anything."""
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # It is ignored, as under nohup, or somebody attends to it.
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted before anything began\n")
    os._exit(STATUS)
