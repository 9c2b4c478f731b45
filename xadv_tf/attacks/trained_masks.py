"""Removal of k pixels by hard-concrete masks that are trained on the very image."""

from typing import Any

import tensorflow as tf

from xadv_tf import adam_moments, divergences, hard_concrete, noise
from xadv_tf.attacks.attack import Best, Loss, draw_seed
from xadv_tf.attacks.removal import MaskedClassifier, RemovalAttack, remove_lowest

# Halvings of an interval as wide as log_alpha's spread and this on either side, in which the
# expected number of removed pixels goes from none to all.
_BISECTIONS, _MARGIN = 30, 20.0


class TrainedRemoval(RemovalAttack):
    """Trains log_alpha of each image to raise the loss, with k pixels removed on average.

    By Adam with one second moment an image: with one a gate, all gates of pixels that support the
    class would close at the same speed, whatever each of them is worth.

    The gates are those of xVAT, drawn afresh each step. In place of a penalty on expected L0, a
    shift of all log_alpha of an image keeps its expected number of closed gates at k, so that no
    weight is to be found. After each step the k pixels of the lowest log_alpha are removed in
    earnest; the best of those masks counts.

    Args:
        classifier: (images, mask) -> logits.
        steps: of Adam.
        learning_rate: of Adam.
        loss: what the attack raises.

    Raises:
        ValueError: for fewer than one step, or a learning rate that is not positive.
    """

    def __init__(
        self,
        classifier: MaskedClassifier,
        *,
        steps: int = 50,
        learning_rate: float = 0.5,
        loss: Loss = divergences.cross_entropy,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1. Received: steps={steps}")
        if not learning_rate > 0:
            raise ValueError(
                f"learning_rate must be positive. Received: learning_rate={learning_rate}"
            )
        super().__init__(classifier, loss=loss)
        self.steps = steps
        self.learning_rate = learning_rate

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best mask of k removed pixels on the way."""
        whole = self.unperturbed(images)
        axes = list(range(1, len(whole.shape)))

        def body(
            i: tf.Tensor, log_alpha: tf.Tensor, mean: tf.Tensor, square: tf.Tensor, best: Best
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, Best]:
            draw = noise.uniform(tf.shape(whole), draw_seed(seed, "gate", i))
            with tf.GradientTape() as tape:
                tape.watch(log_alpha)
                drawn = hard_concrete.sample(log_alpha, draw)
                loss = self.evaluate(images, labels, drawn).loss
            zero = tf.UnconnectedGradients.ZERO
            gradient = tape.gradient(loss, log_alpha, unconnected_gradients=zero)
            gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
            power = tf.reduce_mean(gradient**2, axis=axes, keepdims=True)
            mean, square, ahead, root = adam_moments.moved(mean, square, gradient, power, i)
            log_alpha = with_removed(log_alpha + self.learning_rate * (ahead / root), strength)
            here = self.evaluate(images, labels, remove_lowest(log_alpha, strength))
            return i + 1, log_alpha, mean, square, best.better(here)

        zero = tf.zeros_like(whole)
        power = tf.reduce_mean(zero, axis=axes, keepdims=True)
        *_, best = tf.while_loop(
            lambda i, *state: (i < self.steps) & ~tf.reduce_all(state[-1].broken),
            body,
            (
                *(tf.constant(0), with_removed(zero, strength), zero, power),
                self.evaluate(images, labels, whole),
            ),
        )
        return best.found


def with_removed(log_alpha: tf.Tensor, count: Any) -> tf.Tensor:
    """log_alpha shifted, an image at a time, such that `count` gates are closed on average.

    Args:
        log_alpha: float32 [batch, ...].
        count: expected number of gates that are exactly 0, between 0 and all.

    Returns:
        Shape of `log_alpha`.
    """
    axes = list(range(1, len(log_alpha.shape)))
    gates = tf.cast(tf.size(log_alpha[0]), tf.float32)
    kept = gates - tf.cast(count, tf.float32)
    # With a shift of `low` all gates are as good as closed, with one of `high` as good as open.
    low = -_MARGIN - tf.reduce_max(log_alpha, axis=axes, keepdims=True)
    high = _MARGIN - tf.reduce_min(log_alpha, axis=axes, keepdims=True)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        opened = tf.reduce_sum(
            hard_concrete.expected_l0(log_alpha + middle), axis=axes, keepdims=True
        )
        low, high = tf.where(opened < kept, middle, low), tf.where(opened < kept, high, middle)
    return log_alpha + (low + high) / 2.0
