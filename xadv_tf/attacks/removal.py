"""Multiplicative threats: an adversary that may remove k pixels of an image."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from xadv_tf import divergences, masks, noise
from xadv_tf.attacks.attack import Attack, Best, Loss, draw_seed

MaskedClassifier = Callable[[Any, tf.Tensor], Any]


def masked(classifier: Callable[[Any], Any], *, fill: Any = 0.0) -> MaskedClassifier:
    """(images, mask) -> logits of images z + fill (1 - z), z the mask.

    Args:
        classifier: images -> logits.
        fill: what a removed pixel becomes, in the units of the images: a number, an image, or
            "blurred", the image itself without its details.
    """

    def logits(images: Any, mask: tf.Tensor) -> Any:
        return classifier(masks.removed(images, mask, fill))

    return logits


class RemovalAttack(Attack):
    """Masks that remove at most k pixels, each in all of its channels.

    Its strength is k. What it finds are masks, float32 [batch, ..., 1] of 0 (removed) and 1; of
    vectors [batch, features], each feature is a pixel.

    Args:
        classifier: (images, mask) -> logits, such as `masked` gives.
        loss: (labels, logits) -> [batch]; what the attack raises, by default the cross-entropy.
    """

    def __init__(
        self, classifier: MaskedClassifier, *, loss: Loss = divergences.cross_entropy
    ) -> None:
        super().__init__(loss)
        self.classifier = classifier

    def strength_dtype(self) -> tf.DType:
        """Pixels are counted."""
        return tf.int32

    def perturbed_logits(self, images: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        """The logits of the masked images."""
        return self.classifier(images, found)

    def unperturbed(self, images: tf.Tensor) -> tf.Tensor:
        """Masks that remove nothing."""
        shape = tf.shape(images)
        if len(images.shape) > 2:
            shape = tf.concat([shape[:-1], [1]], axis=0)
        return tf.ensure_shape(tf.ones(shape), [None, *_mask_shape(images)])

    def excess(self, images: Any, found: Any, strength: float) -> float:
        """By how many pixels a mask removes more than it may, or a value is neither 0 nor 1."""
        found = np.asarray(found).reshape(len(found), -1)
        removed = np.sum(found == 0, axis=1)
        between = np.sum((found != 0) & (found != 1))
        return float(max(0, np.max(removed) - strength, between))


class GreedyRemoval(RemovalAttack):
    """Removes pixels in rounds, each time those that by the gradient raise the loss the most.

    To first order closing the gate z_i changes the loss by -dL/dz_i; the k pixels are removed in
    `rounds` equal parts, each by the gradient at the mask so far. The best mask on the way counts.
    On a linear classifier of two classes this is the worst removal of at most k pixels.

    Args:
        classifier: (images, mask) -> logits.
        rounds: gradients; k of them remove pixel by pixel.
        loss: what the attack raises.

    Raises:
        ValueError: for fewer than one round.
    """

    def __init__(
        self,
        classifier: MaskedClassifier,
        *,
        rounds: int = 20,
        loss: Loss = divergences.cross_entropy,
    ) -> None:
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1. Received: rounds={rounds}")
        super().__init__(classifier, loss=loss)
        self.rounds = rounds

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best of the masks on the way to k removed pixels."""

        def body(
            i: tf.Tensor, gradient: tf.Tensor, mask: tf.Tensor, best: Best
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, Best]:
            removed = (strength * (i + 1)) // self.rounds
            mask = remove_lowest(tf.where(mask > 0, gradient, -float("inf")), removed)
            here, gradient = self.evaluate_with_gradient(images, labels, mask)
            return i + 1, gradient, mask, best.better(here)

        whole = self.unperturbed(images)
        first, gradient = self.evaluate_with_gradient(images, labels, whole)
        *_, best = tf.while_loop(
            lambda i, gradient, mask, best: (i < self.rounds) & ~tf.reduce_all(best.broken),
            body,
            (tf.constant(0), gradient, whole, first),
        )
        return best.found


class RandomRemoval(RemovalAttack):
    """Removes exactly k pixels of each image at random: what the worst removals are compared to."""

    worst_case = False

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Masks with k zeros at random."""
        whole = self.unperturbed(images)
        return remove_lowest(noise.uniform(tf.shape(whole), draw_seed(seed, "mask", 0)), strength)


class GeneratedRemoval(RemovalAttack):
    """Removes the k pixels that a trained generator keeps the least, at once: no search.

    Args:
        classifier: (images, mask) -> logits.
        log_alpha: images -> location of each gate, [batch, height', width', channels'], such as the
            method's own; gates of a lower resolution cover squares of pixels.
        loss: by which the mask is compared with none.
    """

    def __init__(
        self,
        classifier: MaskedClassifier,
        log_alpha: Callable[[Any], tf.Tensor],
        *,
        loss: Loss = divergences.cross_entropy,
    ) -> None:
        super().__init__(classifier, loss=loss)
        self.log_alpha = log_alpha

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The generator's masks, or none where that hurts more."""
        gates = masks.expand(tf.cast(self.log_alpha(images), tf.float32), images.shape)
        if len(images.shape) > 2:
            gates = tf.reduce_mean(gates, axis=-1, keepdims=True)
        whole = self.evaluate(images, labels, self.unperturbed(images))
        mask = remove_lowest(gates, strength)
        return whole.better(self.evaluate(images, labels, mask)).found


def remove_lowest(scores: tf.Tensor, count: Any) -> tf.Tensor:
    """Masks of 0 where the `count` lowest scores of an image are, of equal ones the first, and 1.

    Args:
        scores: [batch, ...], of a mask's shape.
        count: integer scalar.

    Returns:
        float32, shape of `scores`.
    """
    flat = tf.reshape(scores, [-1, math.prod(scores.shape[1:])])
    order = tf.argsort(flat, axis=-1, stable=True)
    rank = tf.argsort(order, axis=-1)
    return tf.reshape(tf.cast(rank >= count, tf.float32), tf.shape(scores))


def _mask_shape(images: tf.Tensor) -> tuple[int, ...]:
    shape = tuple(images.shape[1:])
    return shape if len(shape) == 1 else (*shape[:-1], 1)
