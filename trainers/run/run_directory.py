"""A run's directory: flags, status, metrics, TensorBoard logs, checkpoints and the result."""

import contextlib
import json
import os
import pathlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from trainers.errors import UsageError
from trainers.run import predictions, results
from trainers.run.checkpoints import Checkpoints
from trainers.run.provenance import provenance
from trainers.run.status import Status
from trainers.run.storage import storing, write_aside
from trainers.settings import run_flags


class RunDirectory:
    """Owns the files of one run; starts it or goes on with it.

    Files: config.flags (usable as --flagfile), split.json (see `split_manifest`), status.json (see
    `Status`), metrics.jsonl (a line per log, in the order of steps), train/ and eval/ for
    TensorBoard, checkpoints/<step>/ (the newest two), best/<step>/ (the best on validation, where
    there is validation), test_predictions.npz (see `predictions`), and result.json once it is
    finished. Nothing is written before `opened`.

    Args:
        path: the directory; made by `opened` if missing.
        flags: the effective flags, one a line.

    Raises:
        UsageError: if the directory cannot be written or belongs to a run with other flags.
    """

    def __init__(self, path: str, flags: str) -> None:
        self.path = pathlib.Path(path)
        self.checkpoints = Checkpoints(self.path / "checkpoints", keep=2)
        self.best = Checkpoints(self.path / "best", keep=1)
        self._flags = flags
        self._config = self.path / run_flags.NAME
        self._metrics = self.path / "metrics.jsonl"
        self._provenance = provenance()
        self._status = Status(self.path, self._provenance)
        self._writers: dict[str, Any] = {}
        results.refuse_other_run(path, flags)

    @property
    def result(self) -> dict[str, Any] | None:
        """What `finish` wrote, or None for a run that is not finished."""
        return results.read(self.path)

    @property
    def status(self) -> dict[str, Any]:
        """What status.json says; {} for a run that never started."""
        return self._status.read()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Makes the directory and keeps it to this process; its end is the run's status.

        Raises:
            UsageError: the directory cannot be written, or another process is at work in it.
        """
        with contextlib.ExitStack() as stack:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(self._status.running())
                if not run_flags.is_sound(self.path):
                    write_aside(self._config, run_flags.text(self._flags, self._provenance))
            except OSError as error:
                raise UsageError(
                    f"--workdir must be a writable directory. Received: --workdir={self.path} "
                    f"({error.strerror})"
                ) from error
            yield

    def start_at(self, step: int, metrics_size: int) -> None:
        """Forgets what was logged after a checkpoint: it will be logged again.

        Args:
            step: of the checkpoint; 0 to start anew.
            metrics_size: what `sync` returned before it was saved; 0 to start anew.
        """
        with storing(f"the logs in {self.path}"):
            with self._metrics.open("a") as file:
                # A larger size than the file's would fill it with zeros.
                kept = _whole_lines(self._metrics, at_most=metrics_size)
                file.truncate(kept)
            if kept < metrics_size:
                warnings.warn(
                    f"{self._metrics} lacks {metrics_size - kept} bytes of what was logged up to "
                    f"step {step}; the run is the same, these lines are lost",
                    stacklevel=2,
                )
            for name in ("train", "eval"):
                _log_start(self.path / name, step)
                self._writers[name] = tf.summary.create_file_writer(str(self.path / name))

    def log(
        self,
        step: int,
        split: str,
        values: Mapping[str, float],
        timings: Mapping[str, float] | None = None,
    ) -> None:
        """Appends values to metrics.jsonl and to TensorBoard, train/ or eval/ by `split`.

        Args:
            step: finished steps.
            split: "train", "validation" or "test".
            values: scalars by name, the same whenever the run is repeated.
            timings: scalars that are not, for TensorBoard alone: metrics.jsonl can be compared.

        Raises:
            RunFailedError: they could not be written.
        """
        with storing(f"the logs in {self.path}"):
            with self._metrics.open("a") as file:
                file.write(json.dumps({"step": step, "split": split, **values}) + "\n")
        with self.summarizing(step, "train" if split == "train" else "eval"):
            for name, value in {**values, **(timings or {})}.items():
                # TensorBoard groups by what stands before the slash.
                tf.summary.scalar(name if "/" in name else f"{split}/{name}", value)

    @contextlib.contextmanager
    def summarizing(self, step: int, kind: str) -> Iterator[None]:
        """Within it, tf.summary writes for TensorBoard.

        Args:
            step: finished steps.
            kind: the directory, "train" or "eval".

        Raises:
            RunFailedError: it could not be written.
        """
        with storing(f"the logs in {self.path}"):
            with self._writers[kind].as_default(step=step):
                yield
            self._writers[kind].flush()

    def sync(self) -> int:
        """Brings metrics.jsonl to the disk; returns its size in bytes, to be kept by a checkpoint.

        Raises:
            RunFailedError: the disk refuses.
        """
        with storing(f"the logs in {self.path}"), self._metrics.open("a") as file:
            os.fsync(file.fileno())
            return file.tell()

    def saved(self, step: int) -> None:
        """Notes the newest checkpoint's step in status.json."""
        with storing(f"the status in {self.path}"):
            self._status.update(step=step)

    def keep_predictions(self, predicted: Any, labels: Any) -> None:
        """Writes what the run says of each test image, beside what is true.

        Args:
            predicted: classes, integers [images].
            labels: the true classes, integers [images].

        Raises:
            RunFailedError: they could not be written.
        """
        with storing(f"the predictions in {self.path}"):
            predictions.write(self.path, predicted, labels)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Writes result.json: the run is finished."""
        with storing(f"the result in {self.path}"):
            write_aside(self.path / "result.json", json.dumps(result, indent=2) + "\n")


def _whole_lines(file: pathlib.Path, *, at_most: int) -> int:
    """Bytes up to the end of the last line that is whole within the first `at_most` bytes."""
    return file.read_bytes().rfind(b"\n", 0, at_most) + 1


def _log_start(logdir: pathlib.Path, step: int) -> None:
    """Tells TensorBoard's readers to forget what was logged after `step`."""
    # TensorFlow 2 has no function for it. A first START says nothing; each further one purges.
    start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(logdir)) as writer:
        writer.add_session_log(start, global_step=step + 1 if step else 0)
