"""SIGTERM and SIGINT as a request to save and go: what a batch system or Ctrl-C means by them."""

import contextlib
import os
import signal
import threading
import time
from types import TracebackType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# A batch system tells every process of a job, and the program that called this one tells it too.
_ONE_REQUEST_SECONDS = 2.0
_NOTICE = b"stopping after the present steps; a second signal stops at once\n"


class Preemption:
    """While entered, a first signal sets `requested`; a second one ends the process at once.

    A SIGTERM within two seconds of the first signal is the same request, by another way.

    The second one does no harm, because nothing that a run keeps is ever half-written; what was
    learnt since the last checkpoint is lost. Only the main thread can enter it.
    """

    def __init__(self) -> None:
        self._requested = threading.Event()

    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested.is_set()

    def __enter__(self) -> "Preemption":
        """Takes over both signals."""
        # Python runs a handler when the main thread is back from TensorFlow, after a second of
        # steps or a minute of compilation. The byte that it writes to the wakeup descriptor comes
        # at once, to a thread that waits for it.
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous_wakeup = signal.set_wakeup_fd(self._writer)
        self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Gives both signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._writer)  # The listener reads the end and leaves.
        self._listener.join()
        os.close(self._reader)

    def _handle(self, number: int, frame: object) -> None:
        self._requested.set()

    def _listen(self) -> None:
        first = None
        while received := os.read(self._reader, 1):
            number, now = received[0], time.monotonic()
            if number not in _SIGNALS:
                continue
            if first is None:
                first = now
                self._requested.set()
                with contextlib.suppress(OSError):
                    os.write(2, _NOTICE)
            elif number == signal.SIGINT or now - first > _ONE_REQUEST_SECONDS:
                os._exit(128 + number)
