"""PGD: steps along the gradient, each projected to the ball (Madry et al., ICLR 2018)."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from xadv_tf import norms
from xadv_tf.attacks.attack import Best
from xadv_tf.attacks.ball import BallAttack


class PGD(BallAttack):
    """Steps of `relative_step` epsilon / `steps` along the gradient, each projected to the ball.

    The best point on the way counts, and the search ends once every image is broken.

    Args:
        classifier: images -> logits, with its preprocessing inside.
        steps: gradients of one search.
        relative_step: how far all steps together go, in epsilons; 2.5 reaches any point of the
            ball from any other (Madry et al. 2018, section 5).
        random_start: begin uniformly on the ball, rather than at the image.
        **kwargs: `norm`, `low`, `high`, `loss` and `restarts` of `BallAttack`.

    Raises:
        ValueError: for fewer than one step, a step that is not positive, and as `BallAttack`.
    """

    def __init__(
        self,
        classifier: Callable[[Any], Any],
        *,
        steps: int = 40,
        relative_step: float = 2.5,
        random_start: bool = True,
        **kwargs: Any,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1. Received: steps={steps}")
        if not relative_step > 0:
            raise ValueError(
                f"relative_step must be positive. Received: relative_step={relative_step}"
            )
        super().__init__(classifier, **kwargs)
        self.steps = steps
        self.relative_step = relative_step
        self.random_start = random_start

    def search_once(
        self, images: tf.Tensor, labels: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> Best:
        """The best point of one search."""
        size = self.relative_step * epsilon / self.steps
        start = self.start(images, epsilon, seed) if self.random_start else images

        def body(
            i: tf.Tensor, gradient: tf.Tensor, x: tf.Tensor, best: Best
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, Best]:
            x = x + norms.steepest_step(gradient, size, self.norm)
            x = self.project(x, images, epsilon)
            here, gradient = self.evaluate_with_gradient(images, labels, x)
            return i + 1, gradient, x, best.better(here)

        first, gradient = self.evaluate_with_gradient(images, labels, start)
        *_, best = tf.while_loop(
            lambda i, gradient, x, best: (i < self.steps) & ~tf.reduce_all(best.broken),
            body,
            (tf.constant(0), gradient, start, first),
        )
        found: Best = best
        return found
