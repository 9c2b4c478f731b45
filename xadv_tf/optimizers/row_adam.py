"""Adam over the rows of a table at the cost of the rows that a step touches."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xadv_tf.local_variables import gather_rows, local_variable
from xadv_tf.optimizers.adam import Adam, one_minus_power

# The last idle steps, which together make up this share of the drift, are left out.
_TRUNCATION = 1e-5
_FLUSH_ROWS = 2048


@keras.saving.register_keras_serializable(package="xadv_tf")
class RowAdam(Adam):
    """Equals `Adam` with a dense gradient over a table [rows, ...], at the cost of the batch.

    Dense Adam moves every row at every step, those that the batch does not hold by their momentum.
    Here a row stands still until its next visit. The optimizer remembers the step of its last one,
    and `drift` is what dense Adam would have added in between. So the forward pass must use

        rows = gather_rows(table, index) + optimizer.drift(table, index)

    and the gradient of the rows, `tf.IndexedSlices`, goes to `apply`. An index that occurs several
    times in a batch, on one replica or on several, counts with the sum of its gradients.

    Drift of a row, last visited at step s, after k idle steps, per element:

        -sum_{j=1..k} r_j beta_1^j m / (1 - beta_1^(s+j))
                      / (sqrt(beta_2^j v / (1 - beta_2^(s+j))) + epsilon)

    r_j is the learning rate of that step where it is a schedule, else the present one; beta_1 is
    the present one. The elements share their row's scalars j -> (weight, root of the correction).
    They are grouped into two runs of j, each replaced by its two-point Gauss rule: one division an
    element and run. Against dense Adam that is off by at most 5e-4 of the drift, for s = 1,
    and by at most 5e-5 from s = 30 on.

    Args:
        learning_rate: float, or a keras `LearningRateSchedule` that takes a tensor of steps.
        beta_1: as in `Adam`, less than sqrt(beta_2). It may be assigned a lower value later.
        beta_2: as in `Adam`.
        epsilon: as in `Adam`.
        name: name of the optimizer.

    Raises:
        ValueError: if `beta_1`, `beta_2` or `epsilon` is out of range.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "row_adam",
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name)
        ratio = beta_1 / math.sqrt(beta_2)
        if ratio >= 1.0:
            raise ValueError(
                f"beta_1 must be less than sqrt(beta_2). Received: beta_1={beta_1}, beta_2={beta_2}"
            )
        self._horizon = max(1, math.ceil(math.log(_TRUNCATION) / math.log(ratio))) if ratio else 1

    def build(self, variables: Any) -> None:
        """Creates m and v, and for each row the step of its last visit, all zero."""
        if self.built:
            return
        super().build(variables)
        # Not an integer: GPUs have no gather for int32. float32 is exact up to 2^24 steps.
        self._last_visits = [
            self.add_variable(
                shape=variable.shape[:1],
                dtype="float32",
                name=f"{variable.name.split(':')[0]}_last_visit",
            )
            for variable in variables
        ]

    def drift(self, variable: Any, index: Any) -> Any:
        """Returns what dense Adam would have added to rows since their last visit; writes nothing.

        Args:
            variable: a table that the optimizer was built with, [rows, ...].
            index: integer [batch].

        Returns:
            float32 [batch, ...], without gradient.
        """
        state = self._gather(self._get_variable_index(variable), index)
        return tf.stop_gradient(_drift(*state, *self._idle(state[-1], self.learning_rate)))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Brings the rows of the gradient up to date and takes this step with them.

        Args:
            gradient: `tf.IndexedSlices`, values [batch, ...] and indices [batch].
            variable: the table, one that the optimizer was built with.
            learning_rate: scalar.

        Raises:
            TypeError: if the gradient is dense.
        """
        if not isinstance(gradient, tf.IndexedSlices):
            raise TypeError(
                "RowAdam takes the gradient of gathered rows, a tf.IndexedSlices. "
                f"Received: gradient={gradient}"
            )
        slot = self._get_variable_index(variable)
        index = gradient.indices
        state = self._gather(slot, index)
        idle = self._idle(state[-1], learning_rate)
        rows, m, v = _step(
            gather_rows(variable, index),
            gradient.values,
            index,
            tf.cast(learning_rate, tf.float32),
            *state,
            *idle,
        )
        self._scatter(slot, variable, index, rows, m, v, self._taken() + 1.0)

    def flush(self, variable: Any) -> None:
        """Adds the drift of every row to the table, which then equals dense Adam's.

        For an export, after the last step: its cost is that of a dense step. Training may go on
        after it. Call it outside `strategy.run`.

        Args:
            variable: a table that the optimizer was built with.
        """
        slot = self._get_variable_index(variable)

        def catch_up(table: Any) -> None:
            for start in range(0, table.shape[0], _FLUSH_ROWS):
                index = tf.range(start, min(start + _FLUSH_ROWS, table.shape[0]))
                state = self._gather(slot, index)
                idle = self._idle(state[-1], self.learning_rate)
                rows, m, v = _catch_up(gather_rows(table, index), *state, *idle)
                self._scatter(slot, table, index, rows, m, v, self._taken())

        value = variable.value if isinstance(variable, keras.Variable) else variable
        self._distribution_strategy.extended.update(value, catch_up, group=False)

    def _taken(self) -> Any:
        return tf.cast(self.iterations, tf.float32)

    def _gather(self, slot: int, index: Any) -> tuple[Any, ...]:
        slots = (self._momentums[slot], self._velocities[slot], self._last_visits[slot])
        return tuple(gather_rows(variable, index) for variable in slots)

    def _scatter(
        self, slot: int, table: Any, index: Any, rows: Any, m: Any, v: Any, visit: Any
    ) -> None:
        slots = (self._momentums[slot], self._velocities[slot], self._last_visits[slot])
        visits = tf.fill(tf.shape(index), visit)
        for variable, value in zip((table, *slots), (rows, m, v, visits), strict=True):
            # Equal indices bring equal rows, so their order does not matter. The raw op, because
            # `scatter_update` reads the whole variable back.
            tf.raw_ops.ResourceScatterUpdate(
                resource=local_variable(variable).handle, indices=index, updates=value
            )

    def _idle(self, last_visit: Any, learning_rate: Any) -> tuple[Any, ...]:
        """Returns the remaining arguments of the functions below."""
        rates = learning_rate
        if isinstance(self._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            # Idle step j is step s + j from 1; a schedule counts the steps before it.
            steps = tf.cast(last_visit, tf.int64)[:, None] + tf.range(self._horizon, dtype=tf.int64)
            rates = self._learning_rate(steps)
        return (
            tf.cast(rates, tf.float32),
            self._taken(),
            tf.convert_to_tensor(self.beta_1),
            self.beta_2,
            self.epsilon,
            self._horizon,
        )


# Each of the following is one kernel wherever it is called from: written as plain operations the
# element-wise part would pass over the rows about thirty times.


@tf.function(jit_compile=True, autograph=False)
def _drift(
    m: Any,
    v: Any,
    last_visit: Any,
    rates: Any,
    taken: Any,
    beta_1: Any,
    beta_2: float,
    epsilon: float,
    horizon: int,
) -> Any:
    """Returns the drift of rows, as in the docstring of `RowAdam`.

    With u = sqrt(v) / epsilon, weight w_j = r_j beta_1^j / (1 - beta_1^(s+j)) and
    y_j = sqrt((1 - beta_2^(s+j)) / beta_2^j) it is -m / epsilon * sum_j w_j y_j / (u + y_j).

    Args:
        m: [batch, ...].
        v: [batch, ...].
        last_visit: s, [batch].
        rates: r_j, scalar or [batch, horizon].
        taken: steps taken so far, scalar; idle are those from s + 1 to this.
        beta_1: scalar.
        beta_2: as in `Adam`.
        epsilon: as in `Adam`.
        horizon: idle steps to count at most.
    """
    j = tf.range(1, horizon + 1, dtype=tf.float32)
    s = last_visit[:, None]
    power = tf.pow(beta_1, j)
    w = rates * power / (1.0 - tf.pow(beta_1, s) * power)
    w = tf.where(s + j <= taken, w, 0.0)
    # 1 - beta_2^(s+j), from terms that are all positive and one row or one column each.
    power = tf.pow(beta_2, j)
    rest = one_minus_power(beta_2, s)
    y = tf.sqrt((rest + (1.0 - rest) * one_minus_power(beta_2, j)) / power)

    u = tf.sqrt(v) / epsilon
    total = tf.zeros_like(u)
    # The first idle steps weigh most and y grows fastest there, so the first run is short.
    split = max(1, horizon // 16)
    for run in (slice(0, split), slice(split, horizon)):
        w_run, y_run = w[:, run], y[:, run]
        weight = tf.reduce_sum(w_run, 1, keepdims=True)
        mean = tf.reduce_sum(w_run * y_run, 1, keepdims=True)
        mean = tf.where(weight > 0.0, tf.math.divide_no_nan(mean, weight), 1.0)
        deviation = y_run - mean
        variance = tf.reduce_sum(w_run * deviation**2, 1, keepdims=True)
        third = tf.reduce_sum(w_run * deviation**3, 1, keepdims=True)
        # The two nodes of the rule have this centre and this product; their weighted sum of
        # y / (u + y) needs no more, and so no root.
        centre = mean + 0.5 * tf.math.divide_no_nan(third, variance)
        variance = tf.math.divide_no_nan(variance, weight)
        product = mean * (2.0 * centre - mean) - variance
        weight, mean, centre, product = (
            _like_rows(scalar, m) for scalar in (weight, mean, centre, product)
        )
        total += weight * (mean * u + product) / ((u + 2.0 * centre) * u + product)
    return -m / epsilon * total


@tf.function(jit_compile=True, autograph=False)
def _catch_up(rows: Any, m: Any, v: Any, last_visit: Any, *idle: Any) -> tuple[Any, Any, Any]:
    """Returns rows, m and v as dense Adam has them after the idle steps; as for `_drift`."""
    _, taken, beta_1, beta_2, *_ = idle
    steps = _like_rows(taken - last_visit, m)
    drift = _drift(m, v, last_visit, *idle)
    return rows + drift, tf.pow(beta_1, steps) * m, tf.pow(beta_2, steps) * v


@tf.function(jit_compile=True, autograph=False)
def _step(
    rows: Any, gradient: Any, index: Any, rate: Any, *state_and_idle: Any
) -> tuple[Any, Any, Any]:
    """Returns rows, m and v after the idle steps and one with `gradient`; as for `_drift`."""
    rows, m, v = _catch_up(rows, *state_and_idle)
    _, _, _, _, taken, beta_1, beta_2, epsilon, _ = state_and_idle
    # Every occurrence of an index gets the sum over all of them, if there are several.
    size = tf.size(index)
    first = tf.reduce_min(tf.where(index[:, None] == index, tf.range(size), size), 1)
    gradient = tf.cond(
        tf.reduce_all(first == tf.range(size)),
        lambda: gradient,
        lambda: tf.gather(tf.math.unsorted_segment_sum(gradient, first, size), first),
    )
    m = beta_1 * m + (1.0 - beta_1) * gradient
    v = beta_2 * v + (1.0 - np.float32(beta_2)) * gradient**2
    m_hat = m / (1.0 - tf.pow(beta_1, taken + 1.0))
    v_hat = v / one_minus_power(beta_2, taken + 1.0)
    return rows - rate * m_hat / (tf.sqrt(v_hat) + epsilon), m, v


def _like_rows(per_row: Any, rows: Any) -> Any:
    """Returns [batch] or [batch, 1] reshaped so that it broadcasts over `rows`, [batch, ...]."""
    return tf.reshape(per_row, [-1] + [1] * (rows.shape.rank - 1))
