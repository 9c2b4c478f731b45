"""Several steps as one XLA program: a small step does not wait for the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.run.sources import PoolSource

# Enough that what the host does between two programs is nothing to a step of a third of a
# millisecond, few enough that the indices drawn ahead take no room; and the intervals at which runs
# log, evaluate and save are multiples of it as a rule.
STEPS_PER_PROGRAM = 50


class Programs:
    """Runs steps in compiled programs of up to 50.

    How many steps a program takes is an input of it, so that one serves any number. On a GPU that
    number's comparison goes through the host after each step, and the card waits for it (a third
    of a millisecond, seen on an H200): there a second program takes 50 steps and no other number.

    Args:
        source: of the batches.
        train_on: takes one step on a batch; returns its logs, float32 [logs].
        whole: whether to make the second program.
    """

    def __init__(
        self, source: PoolSource, train_on: Callable[[Any], tf.Tensor], *, whole: bool
    ) -> None:
        self._source = source
        self._train_on = train_on
        self._whole = whole
        self._run = tf.function(self._traced_run, autograph=False)
        self._program = tf.function(self._traced_program, jit_compile=True, autograph=False)

    @property
    def stride(self) -> int:
        """The numbers of steps that run best are multiples of this."""
        return STEPS_PER_PROGRAM if self._whole else 1

    def run(self, opened: Any, first: int, num_steps: int) -> np.ndarray:
        """Takes steps.

        Args:
            opened: by the source.
            first: how many steps were taken before.
            num_steps: how many to take.

        Returns:
            Their logs, float32 [num_steps, logs].
        """
        whole = num_steps - num_steps % STEPS_PER_PROGRAM if self._whole else 0
        shares = [(0, whole, True), (whole, num_steps - whole, False)]
        logs = [
            self._run(
                opened, tf.constant(first + start, tf.int64), tf.constant(count), whole=is_whole
            ).numpy()
            for start, count, is_whole in shares
            if count
        ]
        return np.concatenate(logs)

    def _traced_run(
        self, opened: Any, first: tf.Tensor, num_steps: tf.Tensor, *, whole: bool
    ) -> tf.Tensor:
        size = STEPS_PER_PROGRAM

        def body(i: tf.Tensor, logs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            # Also beyond the last step: what is drawn for a step depends on nothing but the step.
            drawn = self._source.draw_ahead(opened, first + tf.cast(i * size, first.dtype), size)
            count = None if whole else tf.minimum(num_steps - i * size, size)
            return i + 1, logs.write(i, self._program(*drawn, count))

        programs = (num_steps + size - 1) // size
        logs = tf.TensorArray(tf.float32, size=programs)
        _, logs = tf.while_loop(lambda i, _: i < programs, body, (tf.constant(0), logs))
        return logs.concat()[:num_steps]  # All programs but the last are full.

    def _traced_program(self, pool: Any, draws: Any, num_steps: tf.Tensor | None) -> tf.Tensor:
        def body(i: tf.Tensor, logs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            row = self._train_on(self._source.gather_ahead(i, pool, draws))
            return i + 1, logs.write(i, row)

        logs = tf.TensorArray(tf.float32, size=STEPS_PER_PROGRAM)
        end = STEPS_PER_PROGRAM if num_steps is None else num_steps
        _, logs = tf.while_loop(lambda i, _: i < end, body, (tf.constant(0), logs))
        return logs.stack()
