"""The profiler: which steps it watches, and a mark for each, by which its reader divides time."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf


class Profiler:
    """Traces some steps of a run for TensorBoard's profile dashboard.

    Steps inside one call of the loop cannot be told apart in a trace: those that are watched are
    called one by one. That costs time, and changes no number.

    Args:
        steps: "A:B" watches steps A + 1 to B; None watches none.
        logdir: TensorBoard's directory, below which the trace goes to plugins/profile.
    """

    def __init__(self, steps: str | None, logdir: str | os.PathLike[str]) -> None:
        self._first, self._end = map(int, steps.split(":")) if steps else (0, 0)
        self._logdir = os.fspath(logdir)
        self._running = False

    def limits(self, step: int) -> tuple[int, ...]:
        """The most steps that a call after `step` steps may take; empty for any number."""
        if self._first <= step < self._end:
            return (1,)
        return (self._first - step,) if step < self._first else ()

    @contextlib.contextmanager
    def watching(self, step: int) -> Iterator[None]:
        """Surrounds the call after `step` steps; the last that is watched writes the trace."""
        if not self._first <= step < self._end:
            yield
            return
        if not self._running:
            tf.profiler.experimental.start(self._logdir)
            self._running = True
        done = step
        try:
            with tf.profiler.experimental.Trace("train", step_num=step, _r=1):
                yield
            done += 1
        finally:
            # A step that fails ends the run: what was seen of it until then is kept.
            if done in (step, self._end):
                self._running = False
                tf.profiler.experimental.stop()
