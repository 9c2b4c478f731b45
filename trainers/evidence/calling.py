"""Calls programs of this project: they print where we print, and say once why they failed."""

import signal
import subprocess
import sys
from collections.abc import Sequence

from trainers import called, commands, errors
from trainers.evidence.working import FailedError

_ERROR = b"error: "


def call(module: str, arguments: Sequence[str], what: str) -> None:
    """Shows a command and runs it.

    Args:
        module: the program, as `python -m` names it.
        arguments: of its command line.
        what: it makes, as the message calls it.

    Raises:
        FailedError: it failed.
        KeyboardInterrupt: it was stopped.
    """
    print(f"$ {commands.shown(module, *arguments)}", flush=True)
    status, why = run(module, arguments)
    # By their number where a program ended before it could attend to them.
    if status in (errors.PREEMPTED, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    if status:
        why = why or f"exit status {status}"
        raise FailedError(
            f"{what} failed: {why}; the same command goes on from there once that is mended", why
        )


def run(module: str, arguments: Sequence[str]) -> tuple[int, str]:
    """Runs a program of this project; returns what `attend` does."""
    return attend(commands.of_module(module, *arguments))


def attend(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command, its output going where ours goes.

    Returns:
        Its exit status, and the sentence in which it said why it failed: that is kept back, for it
        to be said once.
    """
    kept = b""
    interrupted = False
    with called.started(command, stderr=subprocess.PIPE) as process:
        while True:
            try:
                for line in process.stderr or ():
                    if kept or line.startswith(_ERROR):
                        kept += line
                    else:
                        print(line.decode(errors="replace"), end="", file=sys.stderr, flush=True)
                status = process.wait()
                break
            except KeyboardInterrupt:
                # It came to both. Training saves before it ends; a second one ends it.
                interrupted = True
    if interrupted and status != errors.PREEMPTED:  # Whatever it made of it, it was to stop.
        status = -signal.SIGINT
    return status, kept.removeprefix(_ERROR).decode(errors="replace").strip()


def run_unseen(module: str, arguments: Sequence[str]) -> tuple[int, str]:
    """Runs a program of this project out of sight; returns what `attend` does."""
    command = commands.of_module(module, *arguments)
    # A fixed program of this project.
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    return done.returncode, done.stderr.rpartition(_ERROR)[2].decode(errors="replace").strip()
