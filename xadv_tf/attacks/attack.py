"""What all attacks share: one compiled search, the best of what it finds, and its randomness."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from xadv_tf import noise

# Between the draws of two searches: odd, so that 2^32 searches differ, and with products by small
# numbers far from each other, modulo 2^32 (the golden ratio's; Knuth, TAOCP 3, section 6.4).
_APART = 0x9E3779B9

Loss = Callable[[Any, Any], tf.Tensor]  # (labels, logits) -> [batch], large where it is wrong


class Best(NamedTuple):
    """For each image what hurt the classifier the most so far.

    Attributes:
        found: the perturbed images or the masks, [batch, ...].
        loss: of the classifier on them, [batch].
        broken: whether the prediction on them is wrong, bool [batch].
    """

    found: tf.Tensor
    loss: tf.Tensor
    broken: tf.Tensor

    def better(self, other: "Best") -> "Best":
        """For each image the better of two: what breaks it, then what has the larger loss."""
        wins = (other.broken & ~self.broken) | (
            (other.broken == self.broken) & (other.loss > self.loss)
        )
        return self.where(wins, other)

    def where(self, wins: tf.Tensor, other: "Best") -> "Best":
        """`other` for the images where `wins`, bool [batch], and this for those where not."""
        return Best(*(select(wins, b, a) for a, b in zip(self, other, strict=True)))


class Attack:
    """Searches for each image what makes a classifier wrong on it, within a given strength.

    An attack is compiled once; strength and randomness are arguments of the compiled function.

    Args:
        loss: (labels, logits) -> [batch]; what the attack raises.

    Attributes:
        worst_case: whether what it finds counts for every larger strength too, as it does where an
            adversary may use less than it is allowed.
    """

    worst_case = True

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self._graphs: dict[Any, Any] = {}

    def __call__(self, images: Any, labels: Any, strength: Any, *, seed: Any = 0) -> tf.Tensor:
        """What the attack finds, see the class.

        Args:
            images: [batch, ...], in the classifier's units.
            labels: the true classes, integers [batch].
            strength: the size of what it may do, a number.
            seed: of its randomness: an integer, or a pair as `xadv_tf.noise.seed_pair` makes it.
        """
        if isinstance(seed, int):
            seed = noise.seed_pair(seed, type(self).__name__, 0, 0)
        examples = (tf.cast(images, tf.float32), tf.cast(labels, tf.int32))
        found: tf.Tensor = self._run(
            self.search, examples, (tf.constant(strength, self.strength_dtype()), seed)
        )
        return found

    def predict(self, images: Any, found: Any) -> tf.Tensor:
        """Logits [batch, classes] of the images as the attack left them."""
        examples = (tf.cast(images, tf.float32), tf.cast(found, tf.float32))
        logits: tf.Tensor = self._run(self.perturbed_logits, examples)
        return logits

    def gradient_size(self, images: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Of unperturbed images: whether they are classified wrong, and max |gradient|, [batch]."""
        examples = (tf.cast(images, tf.float32), tf.cast(labels, tf.int32))
        found, gradient = self._run(self._unperturbed_gradient, examples)
        axes = list(range(1, len(gradient.shape)))
        return found.broken, tf.reduce_max(tf.abs(gradient), axis=axes)

    def strength_dtype(self) -> tf.DType:
        """Of `strength`."""
        return tf.float32

    def search(
        self, images: tf.Tensor, labels: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """What `__call__` compiles."""
        raise NotImplementedError

    def perturbed_logits(self, images: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        """What `predict` compiles."""
        raise NotImplementedError

    def unperturbed(self, images: tf.Tensor) -> tf.Tensor:
        """What the attack would find if it did nothing."""
        raise NotImplementedError

    def excess(self, images: Any, found: Any, strength: float) -> float:
        """By how much what was found goes beyond what is allowed, 0 if nowhere."""
        raise NotImplementedError

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor, found: tf.Tensor) -> Best:
        """The classifier on what was found."""
        logits = tf.cast(self.perturbed_logits(images, found), tf.float32)
        return Best(found, self.loss(labels, logits), _is_wrong(labels, logits))

    def evaluate_with_gradient(
        self, images: tf.Tensor, labels: tf.Tensor, found: tf.Tensor
    ) -> tuple[Best, tf.Tensor]:
        """The same, and the loss's gradient in what was found; 0 where that is not finite."""
        with tf.GradientTape() as tape:
            tape.watch(found)
            # An image's loss depends on that image alone: the sum's gradient has each one's.
            evaluated = self.evaluate(images, labels, found)
        # Operations that are rounded, or cut off, pass none at all.
        zero = tf.UnconnectedGradients.ZERO
        gradient = tape.gradient(evaluated.loss, found, unconnected_gradients=zero)
        return evaluated, tf.where(tf.math.is_finite(gradient), gradient, 0.0)

    def _unperturbed_gradient(self, images: tf.Tensor, labels: tf.Tensor) -> Any:
        return self.evaluate_with_gradient(images, labels, self.unperturbed(images))

    def _run(self, function: Any, examples: Sequence[Any], others: Sequence[Any] = ()) -> Any:
        """Calls a function by a graph that is traced once for all numbers of examples."""
        shapes = [(None, *each.shape[1:]) for each in examples] + [each.shape for each in others]
        key = (function.__name__, *map(tuple, shapes))
        if key not in self._graphs:
            given = zip(shapes, (*examples, *others), strict=True)
            signature = [tf.TensorSpec(shape, each.dtype) for shape, each in given]
            self._graphs[key] = tf.function(function, autograph=False, input_signature=signature)
        return self._graphs[key](*examples, *others)


def select(wins: tf.Tensor, chosen: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """tf.where with a condition an image, bool [batch]."""
    axes = [1] * (len(chosen.shape) - 1)
    return tf.where(tf.reshape(wins, [-1, *axes]), chosen, other)


def draw_seed(seed: tf.Tensor, purpose: str, step: Any) -> tf.Tensor:
    """A pair for one draw of a search.

    Args:
        seed: of the search, uint32 [2].
        purpose: what the numbers are for.
        step: of the search, an integer scalar.

    Returns:
        uint32 [2].
    """
    word = tf.constant(zlib.crc32(purpose.encode()), tf.uint32)
    return tf.stack([tf.bitwise.bitwise_xor(seed[0], word), seed[1] + tf.cast(step, tf.uint32)])


def restart_seed(seed: tf.Tensor, restart: Any) -> tf.Tensor:
    """A pair for one of several searches, of which none draws what another one draws.

    `draw_seed` counts steps upwards from the pair of its search, so those of two searches lie far
    apart: pairs that differ by 1 would give the second search the first one's draws a step earlier.

    Args:
        seed: of all searches, uint32 [2].
        restart: number of the search, integer scalar; 0 for the first.

    Returns:
        uint32 [2].
    """
    first = draw_seed(seed, "restart", 0)
    return tf.stack([first[0], first[1] + _APART * tf.cast(restart, tf.uint32)])


def _is_wrong(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.argmax(logits, axis=-1, output_type=tf.int32) != labels
