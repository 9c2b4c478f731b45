"""The course of one run: steps, logs, validation, checkpoints, and its end when it must stop."""

import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from trainers.errors import PeerLostError, PreemptedError, RunFailedError, UsageError, reason
from trainers.run.checkpoints import Checkpoints, checkpoint, checksum, refuse_nonfinite
from trainers.run.host_state import HostState
from trainers.run.loop import Loop
from trainers.run.peers import Peers
from trainers.run.profiling import Profiler
from trainers.run.progress import Progress
from trainers.run.run_directory import RunDirectory
from trainers.settings.experiment import Experiment

# Long enough that the host's share of a call is nothing, short enough to watch.
_SECONDS_PER_CALL = 1.0
_PACE_CALLS = 20


class Pictures(Protocol):
    """What is shown of a run besides its scalars."""

    @property
    def every(self) -> int:
        """Steps between two times at which something may be due."""

    def log(self, step: int) -> None:
        """Shows what is due after `step` steps."""


class Training:
    """Takes a run from where its directory stands to its last step.

    Args:
        experiment: what to train.
        loop: at step 0.
        directory: opened.
        evaluate: "validation" or "test" -> scalars, "accuracy" among them; {} where there is no
            such split.
        summaries: of the same experiment and method, see `reports.summaries`.
        stop_requested: asked between calls of the loop, that is every second, or every step where
            one takes longer.
        peers: the processes that train together. All take the same course: the chief's clock
            decides how many steps a call has, and a request to one of them stops all.
    """

    def __init__(
        self,
        experiment: Experiment,
        loop: Loop,
        directory: RunDirectory,
        *,
        evaluate: Callable[[str], dict[str, float]],
        summaries: Pictures,
        stop_requested: Callable[[], bool],
        peers: Peers | None = None,
    ) -> None:
        self._experiment = experiment
        self._loop = loop
        self._directory = directory
        self._evaluate = evaluate
        self._summaries = summaries
        self._profiler = Profiler(experiment.profile_steps, directory.path / "train")
        self._stop_requested = stop_requested
        self._peers = peers or Peers()
        self._host = HostState()
        self._state = checkpoint(loop.method, memory=self._host)
        self._compiled = False
        self._shown: dict[str, float] = {}

    @property
    def seconds_per_step(self) -> float | None:
        """Median over the last calls, compilation aside; None before there is one."""
        return float(np.median(self._host.pace)) if self._host.pace else None

    @property
    def measured(self) -> dict[str, dict[str, float]]:
        """The latest evaluation of each split; "test" once the run is through."""
        return self._host.measured

    @property
    def best(self) -> dict[str, float] | None:
        """Accuracy and step of the best validation, whose weights are kept; None without one."""
        accuracy = self._host.best
        step = None if accuracy is None else self._directory.best.newest()
        if accuracy is None or step is None:
            return None
        return {"accuracy": accuracy, "step": step}

    def restore(self) -> None:
        """Goes on from the newest intact checkpoint, or stays at step 0.

        Raises:
            UsageError: the checkpoint does not fit, or another worker than the chief lacks it.
        """
        chief, checkpoints = self._peers.is_chief, self._directory.checkpoints
        newest = self._peers.chiefs(checkpoints.newest() if chief else None)
        if not chief:
            checkpoints = Checkpoints(
                pathlib.Path(self._experiment.workdir) / "checkpoints", keep=2
            )
            if newest is not None and not checkpoints.has(newest):
                raise UsageError(
                    "--workdir must lie on a file system that all workers share, for a run that "
                    f"goes on. Received: --workdir={self._experiment.workdir}, without the chief's "
                    f"checkpoint {newest}"
                )
        if newest is not None:
            with self._loop.strategy.scope():
                checkpoints.restore(self._state, newest)
        self._directory.start_at(self._loop.step, self._host.metrics_size if chief else 0)

    def run(self, progress: Progress) -> None:
        """Takes the steps that are left.

        Raises:
            RunFailedError: a log or a variable is no longer finite, or the disk, the memory or the
                data fails.
            PreemptedError: it was asked to stop; a checkpoint is saved.
        """
        if self._loop.step and self._stops():  # An earlier call took it this far.
            raise PreemptedError(f"stopped at step {self._loop.step}, saved", self._loop.step)
        try:
            while self._loop.step < self._experiment.train_steps:
                self._call()
                progress.update(self._loop.step, self._shown, self.seconds_per_step)
                self._attend()
        except PeerLostError:
            raise
        except (RunFailedError, tf.errors.OpError) as error:
            what = f"{error}"
            if isinstance(error, tf.errors.OpError):
                self._peers.raise_for_lost()
                # TensorFlow's own: no memory left for such a batch, a damaged file of a stream.
                what = f"TensorFlow failed after step {self._loop.step} ({reason(error)})"
            if not self._peers.is_chief:  # What it saved goes with it.
                raise RunFailedError(what) from error
            last = self._directory.checkpoints.last_good
            where = f"the last good checkpoint is {last}" if last else "no checkpoint was saved yet"
            raise RunFailedError(f"{what}; {where}") from error

    def _call(self) -> None:
        """One call of the loop, of about a second and not beyond the next step to attend to."""
        host, flags, step = self._host, self._experiment, self._loop.step
        count = min(
            flags.train_steps - step,
            *(every - step % every for every in (*self._intervals(), self._summaries.every)),
            *self._profiler.limits(step),
            # The first call compiles: as few steps as it can, not counted in the pace.
            int(_SECONDS_PER_CALL / self.seconds_per_step)
            if self._compiled and self.seconds_per_step
            else self._loop.stride,
        )
        count = max(1, count)
        if count > self._loop.stride:
            count -= count % self._loop.stride
        count = self._peers.chiefs(count)
        start = time.perf_counter()
        with self._profiler.watching(step):
            rows = self._loop.run(count)
        if self._compiled:
            host.pace = [*host.pace, (time.perf_counter() - start) / count][-_PACE_CALLS:]
        self._compiled = True
        _refuse_nonfinite(self._loop.names, rows, step)
        host.rows.append(rows)
        self._shown |= self._loop.means(host.rows)

    def _attend(self) -> None:
        """Does what is due at this step: logs, validation, checkpoint, stop."""
        step, host = self._loop.step, self._host
        last = step == self._experiment.train_steps
        log, validate, save = (last or step % every == 0 for every in self._intervals())
        if log:
            logs = self._loop.means(host.rows) | self._loop.learning_rates()
            self._directory.log(step, "train", logs, self._timings())
            host.rows = []
        if validate and self._measure("validation"):
            self._keep_best()
        if last:
            self._measure("test")
        self._summaries.log(step)
        stop = self._stops()
        if save or stop:
            refuse_nonfinite(self._loop.method)
            self._refuse_drift()
            host.metrics_size = self._directory.sync()
            self._directory.checkpoints.save(self._state, step)
            self._directory.saved(step)
        if stop:
            raise PreemptedError(f"stopped at step {step}, saved", step)

    def _measure(self, split: str) -> bool:
        """Evaluates and logs a split; returns whether there is one."""
        # The chief's: what is best is kept by all or by none.
        values = self._peers.chiefs(self._evaluate(split))
        if values:
            self._host.measured[split] = values
            self._directory.log(self._loop.step, split, values)
        return bool(values)

    def _keep_best(self) -> None:
        host, accuracy = self._host, self._host.measured["validation"]["accuracy"]
        self._shown["validation_accuracy"] = accuracy
        if host.best is None or accuracy > host.best:
            host.best = accuracy
            refuse_nonfinite(self._loop.method)
            self._directory.best.save(self._state, self._loop.step)

    def _refuse_drift(self) -> None:
        """Raises RunFailedError for a worker whose state is no longer the chief's."""
        if self._peers.count == 1:
            return
        sums = self._peers.all(checksum(self._loop.method))
        for index, each in enumerate(sums):
            if each != sums[0]:
                raise RunFailedError(
                    f"{self._peers.cluster.name(index)} has other weights than "
                    f"{self._peers.cluster.name(0)} after step {self._loop.step}; machines that "
                    "train together must be of one kind"
                )

    def _stops(self) -> bool:
        requested = self._peers.any(self._stop_requested())
        return requested and self._loop.step < self._experiment.train_steps

    def _intervals(self) -> tuple[int, int, int]:
        flags = self._experiment
        return flags.log_every, flags.steps_per_epoch, flags.checkpoint_every

    def _timings(self) -> dict[str, float]:
        if self.seconds_per_step is None:
            return {}
        flags = self._experiment
        images = flags.labeled_batch_size + flags.unlabeled_batch_size
        return {"images_per_second": images / self.seconds_per_step}


def _refuse_nonfinite(names: Sequence[str], rows: np.ndarray, step: int) -> None:
    """Raises RunFailedError for the first log that is not finite.

    A step's logs stand in the order of their making: terms, their objective, gradient norms.

    Args:
        names: of the logs.
        rows: [steps, names].
        step: finished steps before them.
    """
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = bad[0]
        raise RunFailedError(f"{names[column]} became {rows[row, column]} in step {step + row + 1}")
