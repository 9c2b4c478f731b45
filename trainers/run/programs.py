"""Several steps as one XLA program: a small step does not wait for the host."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainers.run.sources import PoolSource

# Enough that what the host does between two programs is nothing to a step of a third of a
# millisecond; few enough that the indices drawn ahead take no room.
STEPS_PER_PROGRAM = 64


class Programs:
    """Runs steps in compiled programs of up to 64.

    How many steps a program takes is an input of it: however steps are divided into calls, the
    same machine code takes them, to the same bits.

    Args:
        source: of the batches.
        train_on: takes one step on a batch; returns its logs, float32 [logs].
    """

    def __init__(self, source: PoolSource, train_on: Callable[[Any], tf.Tensor]) -> None:
        self._source = source
        self._train_on = train_on
        self._program = tf.function(self._traced_program, jit_compile=True, autograph=False)

    def run(self, opened: Any, first: tf.Tensor, num_steps: tf.Tensor) -> tf.Tensor:
        """Takes steps, inside of a tf.function.

        Args:
            opened: by the source.
            first: how many steps were taken before, integer scalar.
            num_steps: how many to take, int32 scalar.

        Returns:
            Their logs, float32 [num_steps, logs].
        """
        size = STEPS_PER_PROGRAM

        def body(i: tf.Tensor, logs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            step = first + tf.cast(i * size, first.dtype)
            # Also beyond the last step: what is drawn for a step depends on nothing but the step.
            drawn = self._source.draw_ahead(opened, step, size)
            rows = self._program(*drawn, tf.minimum(num_steps - i * size, size))
            return i + 1, logs.write(i, rows)

        programs = (num_steps + size - 1) // size
        logs = tf.TensorArray(tf.float32, size=programs)
        _, logs = tf.while_loop(lambda i, _: i < programs, body, (tf.constant(0), logs))
        return logs.concat()[:num_steps]  # All programs but the last are full.

    def _traced_program(self, pool: Any, draws: Any, num_steps: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, logs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            row = self._train_on(self._source.gather_ahead(i, pool, draws))
            return i + 1, logs.write(i, row)

        logs = tf.TensorArray(tf.float32, size=STEPS_PER_PROGRAM)
        _, logs = tf.while_loop(lambda i, _: i < num_steps, body, (tf.constant(0), logs))
        return logs.stack()
