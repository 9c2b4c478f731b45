"""Auto-PGD: PGD that chooses its step sizes itself (Croce & Hein, ICML 2020, algorithm 1)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from xadv_tf import norms
from xadv_tf.attacks.attack import Best, select
from xadv_tf.attacks.ball import BallAttack

# Croce & Hein 2020, section 3: the momentum alpha, rho of condition 1, the first checkpoint, by how
# much each interval is shorter than the one before, and the shortest interval.
_MOMENTUM = 0.75
_ENOUGH_RISES = 0.75
_FIRST, _SHORTER, _SHORTEST = 0.22, 0.03, 0.06


class _State(NamedTuple):
    """Of a search, for each image.

    Attributes:
        x: where it is.
        before: where it was a step earlier.
        gradient: at x.
        loss: at x, [batch].
        top: the point of the largest loss so far.
        top_gradient: at top.
        top_loss: at top, [batch].
        size: of its steps, [batch].
        rises: steps since the last checkpoint that raised the loss, [batch].
        old_size: the size at the last checkpoint.
        old_top_loss: the largest loss at the last checkpoint.
        best: what hurt the most.
    """

    x: tf.Tensor
    before: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor
    top: tf.Tensor
    top_gradient: tf.Tensor
    top_loss: tf.Tensor
    size: tf.Tensor
    rises: tf.Tensor
    old_size: tf.Tensor
    old_top_loss: tf.Tensor
    best: Best


def checkpoints(steps: int) -> list[int]:
    """The steps at which step sizes are looked at: ceil(p_j steps) with p_0 = 0, p_1 = 0.22.

    p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06), as long as it is at most 1 (Croce & Hein 2020,
    section 3.2).
    """
    shares = [0.0, _FIRST]
    while shares[-1] <= 1.0:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - _SHORTER, _SHORTEST))
    # A hair less: 0.22 + 0.19 and such are above what they stand for.
    return sorted({math.ceil(steps * share - 1e-9) for share in shares[:-1]})


def halved(
    rises: tf.Tensor,
    interval: Any,
    size: tf.Tensor,
    old_size: tf.Tensor,
    top_loss: tf.Tensor,
    old_top_loss: tf.Tensor,
) -> tf.Tensor:
    """Whether a checkpoint halves the step size, bool [batch] (Croce & Hein 2020, section 3.2).

    Condition 1: fewer than 3/4 of the steps of the interval raised the loss. Condition 2: neither
    the size was halved at the last checkpoint nor the largest loss has grown since.
    """
    interval = tf.cast(interval, tf.float32)
    too_few = tf.cast(rises, tf.float32) < _ENOUGH_RISES * interval
    return too_few | ((size == old_size) & (top_loss <= old_top_loss))


class APGD(BallAttack):
    """PGD with momentum that halves its steps, and goes back to its best point, where it stalls.

    x' = P(x + eta s(g)); x_next = P(x + 0.75 (x' - x) + 0.25 (x - x_before)), with P the projection
    to the ball and the range of pixels, s the sign or with norm "l2" g / |g|, and eta = 2 epsilon
    in the beginning. APGD-CE raises the cross-entropy, the default; APGD-DLR is
    `APGD(..., loss=losses.difference_of_logits_ratio)` and needs 3 classes.

    Args:
        classifier: images -> logits, with its preprocessing inside.
        steps: gradients of one search.
        random_start: begin uniformly on the ball, rather than at the image.
        **kwargs: `norm`, `low`, `high`, `loss` and `restarts` of `BallAttack`.

    Raises:
        ValueError: for fewer than one step, and as `BallAttack`.
    """

    def __init__(
        self,
        classifier: Callable[[Any], Any],
        *,
        steps: int = 100,
        random_start: bool = True,
        **kwargs: Any,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1. Received: steps={steps}")
        super().__init__(classifier, **kwargs)
        self.steps = steps
        self.random_start = random_start
        # For each step the length of the interval that ends there, 0 where none does.
        places = checkpoints(steps)
        self._intervals = np.zeros(steps + 1, np.int32)
        self._intervals[places[1:]] = np.diff(places)

    def search_once(
        self, images: tf.Tensor, labels: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> Best:
        """The best point of one search."""
        start = self.start(images, epsilon, seed) if self.random_start else images
        here, gradient = self.evaluate_with_gradient(images, labels, start)
        size = tf.fill([tf.shape(images)[0]], 2.0 * epsilon)
        state = _State(
            x=start,
            before=start,
            gradient=gradient,
            loss=here.loss,
            top=start,
            top_gradient=gradient,
            top_loss=here.loss,
            size=size,
            rises=tf.zeros_like(here.loss, tf.int32),
            old_size=size,
            old_top_loss=here.loss,
            best=here,
        )

        def body(i: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            # The first step has nothing behind it, hence goes all the way.
            share = tf.where(i > 0, _MOMENTUM, 1.0)
            state = self._step(state, share, images, labels, epsilon)
            return i + 1, self._look(state, tf.gather(self._intervals, i + 1))

        _, state = tf.while_loop(
            lambda i, state: (i < self.steps) & ~tf.reduce_all(state.best.broken),
            body,
            (tf.constant(0), state),
        )
        found: Best = state.best
        return found

    def _step(
        self,
        state: _State,
        share: tf.Tensor,
        images: tf.Tensor,
        labels: tf.Tensor,
        epsilon: tf.Tensor,
    ) -> _State:
        x, size = state.x, tf.reshape(state.size, [-1, *[1] * (len(images.shape) - 1)])
        ahead = x + norms.steepest_step(state.gradient, size, self.norm)
        ahead = self.project(ahead, images, epsilon)
        moved = x + share * (ahead - x) + (1.0 - share) * (x - state.before)
        moved = self.project(moved, images, epsilon)
        here, gradient = self.evaluate_with_gradient(images, labels, moved)
        higher = here.loss > state.top_loss
        return state._replace(
            x=moved,
            before=x,
            gradient=gradient,
            loss=here.loss,
            top=select(higher, moved, state.top),
            top_gradient=select(higher, gradient, state.top_gradient),
            top_loss=tf.where(higher, here.loss, state.top_loss),
            rises=state.rises + tf.cast(here.loss > state.loss, tf.int32),
            best=state.best.better(here),
        )

    def _look(self, state: _State, interval: tf.Tensor) -> _State:
        """What a checkpoint at the end of `interval` steps does; nothing where that is 0."""
        here = interval > 0
        halve = here & halved(
            *(state.rises, interval, state.size, state.old_size),
            *(state.top_loss, state.old_top_loss),
        )
        return state._replace(
            x=select(halve, state.top, state.x),
            gradient=select(halve, state.top_gradient, state.gradient),
            loss=tf.where(halve, state.top_loss, state.loss),
            size=tf.where(halve, state.size / 2.0, state.size),
            rises=tf.where(here, 0, state.rises),
            old_size=tf.where(here, state.size, state.old_size),
            old_top_loss=tf.where(here, state.top_loss, state.old_top_loss),
        )
