"""Files that are there whole or not at all, whatever happens to the process or the disk."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

from trainers.errors import RunFailedError, UsageError, from_outside, reason

_PARTIAL = ".partial"


def write_aside(path: pathlib.Path, content: str | bytes) -> None:
    """Writes a file such that it is there whole or not at all: aside, then renamed."""
    aside = path.with_name(path.name + _PARTIAL)
    try:
        with aside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def refuse_unwritable(directory: str | pathlib.Path, *, flag: str) -> None:
    """Asks before hours of work whether a directory can be written, or made; writes nothing.

    Raises:
        UsageError: it cannot.
    """
    place = os.path.abspath(directory)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        why = f"{place} is no directory"
    elif not os.access(place, os.W_OK | os.X_OK):
        why = f"{place} is not writable"
    else:
        return
    raise UsageError(f"{flag} must be a writable directory. Received: {flag}={directory} ({why})")


@contextlib.contextmanager
def directory_aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty directory that becomes `path` once it is filled and on the disk.

    If filling it fails, nothing of it stays. A `path` that is there already is replaced.
    """
    aside = path.with_name(path.name + _PARTIAL)
    shutil.rmtree(aside, ignore_errors=True)  # Of a process that was killed.
    aside.mkdir(parents=True)
    try:
        yield aside
        for file in [*aside.iterdir(), aside]:
            _sync(file)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    # Only a step that is taken again finds its directory there, and would write the same bits.
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)
    _sync(path.parent)


@contextlib.contextmanager
def workspace(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty directory below `root`, made if missing, for what is to be renamed out of it.

    What is left in it at the end is removed, and so is what processes left that were killed: each
    holds a lock on its directory as long as it lives.
    """
    root.mkdir(parents=True, exist_ok=True)
    for left in root.iterdir():
        if re.fullmatch(rf"\.\d+{re.escape(_PARTIAL)}", left.name):
            with contextlib.suppress(OSError), _locked(left):
                shutil.rmtree(left, ignore_errors=True)
    aside = root / f".{os.getpid()}{_PARTIAL}"
    aside.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, aside, ignore_errors=True)
        with contextlib.suppress(OSError):  # A file system without locks.
            stack.enter_context(_locked(aside))
        yield aside


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> Iterator[None]:
    """Raises OSError if another process has it, or if the file system has no locks."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storing(what: str) -> Iterator[None]:
    """Turns what a full or failing disk raises into a sentence that says what was not written.

    Raises:
        RunFailedError: for an error of `from_outside`.
    """
    try:
        yield
    except from_outside() as error:
        raise RunFailedError(f"{what} could not be written ({reason(error)})") from error


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
