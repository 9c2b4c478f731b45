"""Python code in a process of its own, which a test sends signals to."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

_ROOT = pathlib.Path(__file__).parents[1]


@contextlib.contextmanager
def started(code):
    """The process, once it has printed "ready"; in a group of its own, as from a terminal.

    What is left of the group in the end is killed, so that a test fails where it would wait.
    """
    with subprocess.Popen(  # noqa: S603 (this interpreter and the tests' own code)
        [sys.executable, "-c", code], cwd=_ROOT, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
