"""Checkpoints: what they hold, and a directory of them in which each is whole or not there."""

import contextlib
import pathlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Set
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.errors import RunFailedError, UsageError, reason
from trainers.run.storage import directory_aside, storing
from xadv_tf.methods import Method

_TRIES = 5
_PATTERN = frozenset("*?[\\")


def checkpoint(method: Method, **more: Any) -> tf.train.Checkpoint:
    """All that a run must remember: classifier, mask, step and the state of every optimizer.

    Args:
        method: built.
        **more: trackables that are to be saved with it.
    """
    return tf.train.Checkpoint(method=method, **_optimizers(method), **more)


def variables(method: Method) -> list[Any]:
    """All that training changes, in an order that is the structure's alone."""
    changing = list(method.variables)
    for optimizer in _optimizers(method).values():
        changing += optimizer.variables
    return changing


def checksum(method: Method) -> int:
    """Of all that training changes, as it stands on this machine."""
    total = 0
    for variable in variables(method):
        value = np.ascontiguousarray(variable.value.numpy()).reshape(-1)
        total = zlib.crc32(value.view(np.uint8).data, total)
    return total


def refuse_nonfinite(method: Method) -> None:
    """Raises RunFailedError for a state that nobody could go on from, naming the variable."""
    floating = [
        variable for variable in variables(method) if tf.as_dtype(variable.dtype).is_floating
    ]
    finite = [tf.reduce_all(tf.math.is_finite(variable.value)) for variable in floating]
    for variable, is_finite in zip(floating, tf.stack(finite).numpy(), strict=True):
        if not is_finite:
            raise RunFailedError(
                f"{variable.path} is no longer finite after step {int(method.step.numpy())}"
            )


class Checkpoints:
    """The checkpoints of one run: `directory`/<step>/, each whole or not there.

    Each is written aside and renamed. TensorFlow keeps a checksum of every tensor and of the index
    beside them; all are compared before anything is restored.

    tf.train.CheckpointManager (TensorFlow 2.21) does neither: its newest checkpoint is the one
    that was saved last, and if a power cut has damaged it, restoring fails though an older one is
    intact. That can happen because it never asks the system to bring the files to the disk.

    Args:
        directory: where they are.
        keep: how many stay; older ones make room for a new one.
    """

    def __init__(self, directory: pathlib.Path, *, keep: int) -> None:
        self._directory = directory
        self._keep = keep
        self._good: list[int] = []  # Known to be intact, from the oldest on.

    @property
    def last_good(self) -> pathlib.Path | None:
        """The checkpoint that was saved or restored last."""
        return self._directory / str(self._good[-1]) if self._good else None

    def save(self, state: tf.train.Checkpoint, step: int) -> None:
        """Writes a checkpoint, then removes what is older than `keep`, damaged or half-written.

        Raises:
            RunFailedError: it could not be written; the others are as they were.
        """
        path = self._directory / str(step)
        with storing(f"the checkpoint {path}"), directory_aside(path) as aside:
            state.write(str(aside / "state"))
        self._good = [*(good for good in self._good if good < step), step][-self._keep :]
        _remove_others(self._directory, {str(good) for good in self._good})

    def newest(self) -> int | None:
        """Step of the newest intact checkpoint; names those that it must pass over, on stderr."""
        passed_over: set[int] = set()
        while True:
            left = [step for step in _steps(self._directory) if step not in passed_over]
            if not left:
                return None
            path = self._directory / str(left[-1])
            damage = _damage(path)
            if damage is None:
                return left[-1]
            # A run that is still training takes older ones away, and has newer ones instead.
            if path.exists():
                passed_over.add(left[-1])
                print(f"warning: {path} is damaged ({damage}); not used", file=sys.stderr)

    def has(self, step: int) -> bool:
        """Whether there is a checkpoint of this step, intact or not."""
        return (self._directory / str(step)).is_dir()

    def restore_or_newer(self, state: tf.train.Checkpoint, step: int) -> None:
        """Restores a checkpoint that `newest` gave or, if it is taken away meanwhile, a newer one.

        Raises:
            UsageError: it is of another architecture, or cannot be read.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                return self.restore(state, step)
            except UsageError:
                newest = self.newest()
                if not tries_left or newest is None or (self._directory / str(step)).exists():
                    raise
                step = newest

    def restore(self, state: tf.train.Checkpoint, step: int) -> None:
        """Restores a checkpoint that `newest` gave.

        Raises:
            UsageError: it is of another architecture, or no longer there.
        """
        path = self._directory / str(step)
        try:
            with _readable(path) as folder:
                found = state.read(str(folder / "state"))
            found.assert_existing_objects_matched().expect_partial()
        except (AssertionError, ValueError) as error:
            raise UsageError(
                f"{path} does not fit the model that the run's flags describe ({reason(error)})"
            ) from error
        except tf.errors.OpError as error:
            # A run that is still training makes room for newer ones.
            raise UsageError(
                f"{path} can no longer be read; is its run still training? Try again "
                f"({reason(error)})"
            ) from error
        self._good = [step]


def _steps(directory: pathlib.Path) -> list[int]:
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


def _remove_others(directory: pathlib.Path, names: Set[str]) -> None:
    for path in directory.iterdir():
        if path.name not in names:
            shutil.rmtree(path, ignore_errors=True)


def _damage(path: pathlib.Path) -> str | None:
    """Why a checkpoint cannot be read, or None; reading all of it compares all checksums."""
    try:
        with _readable(path) as folder:
            reader = tf.train.load_checkpoint(str(folder / "state"))
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        return reason(error)
    return None


@contextlib.contextmanager
def _readable(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """The same folder by a name without a pattern: TensorFlow takes c[1] for one that c1 fits."""
    if not _PATTERN.intersection(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as aside:
        link = pathlib.Path(aside) / "checkpoint"
        link.symlink_to(path.absolute())
        yield link


def _optimizers(method: Method) -> dict[str, Any]:
    return {f"{player.name}_optimizer": player.optimizer for player in method.all_players()}
