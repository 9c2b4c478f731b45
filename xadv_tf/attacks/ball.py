"""What attacks by additive perturbations share: the ball, the pixels' range and restarts."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from xadv_tf import divergences, noise, norms
from xadv_tf.attacks.attack import Attack, Best, Loss, draw_seed, restart_seed


class BallAttack(Attack):
    """Images within epsilon of the given ones, and within the range of pixels.

    Its strength is epsilon, in the units of the pixels: with norm "linf" the most that a value may
    change, with "l2" the Euclidean length of an image's whole change. What it finds are images.

    Args:
        classifier: images -> logits, with its preprocessing inside.
        norm: "linf" or "l2".
        low: the smallest value that a pixel has.
        high: the largest one.
        loss: (labels, logits) -> [batch]; what the attack raises, by default the cross-entropy.
        restarts: searches from other starts, of which the best counts.

    Raises:
        ValueError: for another norm, an empty range, fewer than one restart.
    """

    def __init__(
        self,
        classifier: Callable[[Any], Any],
        *,
        norm: str = "linf",
        low: float = 0.0,
        high: float = 1.0,
        loss: Loss = divergences.cross_entropy,
        restarts: int = 1,
    ) -> None:
        if norm not in ("linf", "l2"):
            raise ValueError(f"norm must be 'linf' or 'l2'. Received: norm={norm!r}")
        if not low < high:
            raise ValueError(f"low must be below high. Received: low={low}, high={high}")
        if restarts < 1:
            raise ValueError(f"restarts must be at least 1. Received: restarts={restarts}")
        super().__init__(loss)
        self.classifier = classifier
        self.norm = norm
        self.low = low
        self.high = high
        self.restarts = restarts

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best of the restarts, which end once all images are broken."""

        def body(restart: tf.Tensor, best: Best) -> tuple[tf.Tensor, Best]:
            found = self.search_once(images, labels, strength, restart_seed(seed, restart))
            return restart + 1, best.better(found)

        _, best = tf.while_loop(
            lambda restart, best: (restart < self.restarts) & ~tf.reduce_all(best.broken),
            body,
            (tf.constant(0), self.evaluate(images, labels, images)),
        )
        return best.found

    def search_once(
        self, images: tf.Tensor, labels: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> Best:
        """One search from one start."""
        raise NotImplementedError

    def perturbed_logits(self, images: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        """The logits of `found`, which are images themselves."""
        return self.classifier(found)

    def unperturbed(self, images: tf.Tensor) -> tf.Tensor:
        """The images."""
        return images

    def project(self, found: tf.Tensor, images: tf.Tensor, epsilon: Any) -> tf.Tensor:
        """A point of the ball about the images and of the range of pixels, near `found`.

        The range first: what lies in it stays there on its way to the image, and a length that was
        spent beyond it is given to other pixels. The other way round L2 attacks are weaker.
        """
        in_range = tf.clip_by_value(found, self.low, self.high)
        return images + norms.project_to_ball(in_range - images, epsilon, self.norm)

    def start(self, images: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A point uniform on the ball, then brought into the range of pixels."""
        shape = tf.shape(images)
        first = draw_seed(seed, "start", 0)
        if self.norm == "linf":
            step = epsilon * (2.0 * noise.uniform(shape, first) - 1.0)
        else:
            # The share of the ball within radius r of epsilon's is r to the power of the dimension.
            root = 1.0 / math.prod(images.shape[1:])
            ones = [1] * (len(images.shape) - 1)
            radius = noise.uniform([shape[0], *ones], draw_seed(seed, "radius", 0)) ** root
            step = norms.steepest_step(noise.normal(shape, first), epsilon * radius, "l2")
        return self.project(images + step, images, epsilon)

    def excess(self, images: Any, found: Any, strength: float) -> float:
        """By how much `found` lies outside the ball or the range of pixels, 0 if nowhere."""
        images, found = (np.asarray(each, np.float64) for each in (images, found))
        change = np.abs(found - images).reshape(len(images), -1)
        size = np.max(change, axis=1) if self.norm == "linf" else np.linalg.norm(change, axis=1)
        beyond = (np.max(size) - strength, self.low - np.min(found), np.max(found) - self.high)
        return float(max(0.0, *beyond))
