"""What a run is doing: status.json, and a lock that lives as long as the process at work on it."""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from trainers.errors import InUseError, PreemptedError, RunFailedError, UsageError, reason
from trainers.run import records
from trainers.run.storage import write_aside

_ENTRIES = ("status", "step", "reason")
_ROOM = 8192  # Bytes; a reason may name long paths.


class Status:
    """Keeps status.json of one run.

    It holds "status" (running, done, failed or preempted), "step" (of the newest checkpoint),
    "reason" (of a failure), "started" and "updated" (ISO 8601, UTC), "pid" and "host" of the
    process, and what else the constructor is given. "running" without such a process means that
    it was killed.

    Args:
        workdir: the run's directory.
        about: further entries.
    """

    def __init__(self, workdir: pathlib.Path, about: Mapping[str, Any] | None = None) -> None:
        self._workdir = workdir
        self._file = workdir / "status.json"
        self._spare = workdir / ".status.spare"
        self._about = dict(about or {})

    def read(self) -> dict[str, Any]:
        """What status.json says; {} if there is none, or, with a warning, a damaged one."""
        return records.read_if_sound(
            self._file, needs=_ENTRIES, otherwise="what it said is lost, the run is not"
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Holds the lock and says "running"; at the end says how the run has ended.

        Raises:
            InUseError: another process is at work in the directory.
            OSError: the directory cannot be written.
        """
        with self._lock():
            self._entries = {
                "status": "running",
                "step": self.read().get("step", 0),
                "reason": None,
                "started": _now(),
                "pid": os.getpid(),
                "host": socket.gethostname(),
                **self._about,
            }
            self._write()
            self._keep_room()
            try:
                yield
            except BaseException as error:
                with contextlib.suppress(OSError):  # The disk may be what failed.
                    self.update(**_end(error))
                raise
            else:
                self.update(status="done")
            finally:
                self._spare.unlink(missing_ok=True)

    def update(self, **entries: Any) -> None:
        """Changes entries, `step` or `status` or `reason`."""
        self._entries |= entries
        self._write()

    def _write(self) -> None:
        text = json.dumps({**self._entries, "updated": _now()}, indent=2) + "\n"
        try:
            write_aside(self._file, text)
        except OSError:
            # A full disk has no room for another file: the spare one has some already.
            if not self._spare.exists():
                raise
            with self._spare.open("r+b") as file:
                file.write(text.encode())
                file.truncate()
                os.fsync(file.fileno())
            self._spare.replace(self._file)
            self._keep_room()

    def _keep_room(self) -> None:
        """Takes the disk's room for one more status while there is some."""
        with contextlib.suppress(OSError):
            write_aside(self._spare, " " * _ROOM)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock(self._workdir))
            except BlockingIOError:
                other = self.read()
                who = f" (process {other.get('pid')} on {other.get('host')})" if other else ""
                raise InUseError(
                    "--workdir is in use by another process; wait for it or choose another "
                    f"directory. Received: --workdir={self._workdir}{who}"
                ) from None
            yield


@contextlib.contextmanager
def lock(directory: pathlib.Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps a directory to this process; does nothing on a file system without locks.

    Args:
        directory: exists.
        wait: wait until no other process has it.

    Raises:
        BlockingIOError: another process has it, and `wait` is False.
    """
    with (directory / ".lock").open("w") as file:
        try:
            # The system lets go of it when the process dies, however it dies.
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:
            pass
        yield


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _end(error: BaseException) -> dict[str, Any]:
    """What status.json says of a run that an error ended."""
    if isinstance(error, PreemptedError):
        return {"status": "preempted"}
    if isinstance(error, RunFailedError | UsageError):
        return {"status": "failed", "reason": str(error)}
    return {"status": "failed", "reason": f"{type(error).__name__}: {reason(error)}".rstrip(": ")}
