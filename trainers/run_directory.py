"""A run's directory: flags, metrics, TensorBoard logs, checkpoints and the result."""

import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trainers.experiment import UsageError

_PROJECT = pathlib.Path(__file__).resolve().parents[1]


class RunDirectory:
    """Owns the files of one run; starts it or goes on with it.

    Files: config.flags (usable as --flagfile), metrics.jsonl (a line per log, in the order of
    steps), train/ and eval/ for TensorBoard, checkpoints/, and result.json once it is finished.

    Args:
        path: the directory; made if missing.
        flags: the effective flags, one a line.

    Raises:
        UsageError: if the directory cannot be written or belongs to a run with other flags.
    """

    def __init__(self, path: str, flags: str) -> None:
        self.path = pathlib.Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            config = self.path / "config.flags"
            known = config.read_text() if config.exists() else None
            if known is None:
                write_aside(config, flags)
        except OSError as error:
            raise UsageError(
                f"--workdir must be a writable directory. Received: --workdir={path} "
                f"({error.strerror})"
            ) from error
        if known is not None and known != flags:
            before, now = set(known.split("\n")), set(flags.split("\n"))
            raise UsageError(
                "--workdir holds a run with other flags; choose another directory. "
                f"There: {' '.join(sorted(before - now)) or 'none of'}; "
                f"received: {' '.join(sorted(now - before)) or 'none of these'}"
            )
        self._metrics = self.path / "metrics.jsonl"
        self._writers = {
            name: tf.summary.create_file_writer(str(self.path / name)) for name in ("train", "eval")
        }

    @property
    def checkpoints(self) -> str:
        """Where checkpoints go."""
        return str(self.path / "checkpoints")

    @property
    def result(self) -> dict[str, Any] | None:
        """What `finish` wrote, or None for a run that is not finished."""
        file = self.path / "result.json"
        return json.loads(file.read_text()) if file.exists() else None

    def resume_at(self, step: int) -> None:
        """Drops the metrics that come after the checkpoint: they will be logged again."""
        if not self._metrics.exists():
            return
        lines = self._metrics.read_text().splitlines(keepends=True)
        # A line cut short by a crash is dropped with those after the step.
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        write_aside(self._metrics, "".join(kept))

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
        """
        with self._metrics.open("a") as file:
            file.write(json.dumps({"step": step, "split": split, **values}) + "\n")
        kind = "train" if split == "train" else "eval"
        with self._writers[kind].as_default(step=step):
            for name, value in {**values, **(timings or {})}.items():
                tf.summary.scalar(name if split == "train" else f"{split}/{name}", value)
        self._writers[kind].flush()

    def finish(self, result: Mapping[str, Any]) -> None:
        """Writes result.json: the run is finished."""
        write_aside(self.path / "result.json", json.dumps(result, indent=2) + "\n")


def write_aside(path: pathlib.Path, text: str) -> None:
    """Writes a file such that it is there whole or not at all: aside, then renamed."""
    aside = path.with_name(path.name + ".partial")
    with aside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def provenance() -> dict[str, str]:
    """Where a number comes from: commit, hardware, versions."""
    return {"commit": _commit(), "hardware": _hardware(), "tensorflow": tf.__version__}


def _commit() -> str:
    # A fixed command on the project's own folder; without git or a repository there is no commit.
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            cwd=_PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def _hardware() -> str:
    gpus = [
        tf.config.experimental.get_device_details(device).get("device_name", "GPU")
        for device in tf.config.list_physical_devices("GPU")
    ]
    if gpus:
        return f"{len(gpus)} x {gpus[0]}"
    name = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{os.cpu_count()} cores, {name}"
