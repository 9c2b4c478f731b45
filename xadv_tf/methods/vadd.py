"""VAdD: virtual adversarial dropout (Park, Park, Shin & Moon, AAAI 2018)."""

import math
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import divergences, noise
from xadv_tf.methods import classifiers
from xadv_tf.methods.base import Method
from xadv_tf.methods.features import last_hidden
from xadv_tf.methods.players import Batch, Terms, is_supervised

_LAYERS = ("last_hidden", "input")


class VADD(Method):
    """Descends CE + adversarial_weight KL(p(x) || p(x, m)), m an adversarial dropout mask.

    m differs from a random dropout mask in at most the share delta of its units: those whose flip
    raises the divergence the most, to first order. With g the gradient of the divergence in the
    random mask, a unit that is dropped is a candidate if g > 0, a kept one if g < 0, and the
    largest |g| are flipped. xVAT is the nearest relative: there a mask is trained, here it is
    found anew in every step, as VAT's r is.

    The paper's target is the prediction under another random mask, through which its code lets the
    gradient pass; here it is the clean p(x), held fixed, as in all methods.

    Example:
        ```python
        method = VADD(classifier, delta=0.1)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits; for "last_hidden" a functional or
            sequential one that ends in a layer with one input (see `features.last_hidden`).
        dropout_layer: what the mask multiplies: "last_hidden", the last hidden layer's units (the
            paper), the kept ones scaled by 1 / (1 - initial_dropout); or "input", the pixels, one
            mask for all colours and none scaled, as in the multiplicative methods.
        delta: in [0, 1), largest share of the units that is flipped. At 0 the mask is random.
        initial_dropout: in [0, 1), share of the units that the random mask drops.
        adversarial_weight: weight of the divergence.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range; once the images are known, for a classifier without
            a last hidden layer, or units that cannot be counted.
    """

    formula = (
        "J = CE(y, p(x)) + w · KL(p(x) ‖ p(x, m)), where the dropout mask m = argmax KL(p(x) ‖ "
        "p(x, m)) over the masks that differ from a random one in at most δ of their units, to "
        "first order, and the clean p(x) are held fixed. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        dropout_layer: str = "last_hidden",
        delta: float = 0.05,
        initial_dropout: float = 0.5,
        adversarial_weight: float = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if dropout_layer not in _LAYERS:
            raise ValueError(
                f"dropout_layer must be one of {', '.join(_LAYERS)}. "
                f"Received: dropout_layer={dropout_layer!r}"
            )
        for argument, value in (("delta", delta), ("initial_dropout", initial_dropout)):
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{argument} must lie in [0, 1). Received: {argument}={value}")
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0, "divergence": adversarial_weight},
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.dropout_layer = dropout_layer
        self.delta = delta
        self.initial_dropout = initial_dropout
        self.masked_classifier: Any = None

    @property
    def backward_passes(self) -> int:
        """One, and one to the mask unless nothing is flipped."""
        return super().backward_passes + (1 if self.delta else 0)

    def check_classifier(self, input_shape: Any) -> None:
        """As `Method.check_classifier`; the classifier must have units to drop, in known number."""
        super().check_classifier(input_shape)
        if self.dropout_layer == "input":
            classifiers.refuse_channels_first(self.classifier)
            shape = tuple(input_shape)
        else:
            if self.masked_classifier is None:
                self.masked_classifier = _with_mask(self.classifier)
            shape = self.masked_classifier.input_shape[-1]
        if None in shape[1:]:
            raise ValueError(
                "VADD needs units that can be counted. "
                f"Received: {self.dropout_layer} of shape {shape[1:]}"
            )

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "divergence"}, [batch] each."""
        logits = self.labeled_forward(batch)
        image = batch["unlabeled"]["image"]
        target = tf.stop_gradient(self.unlabeled_forward(batch, logits))
        # The clean pass's name makes passes share its noise (see `Method.forward`).
        purpose = "labeled" if is_supervised(batch) else "unlabeled"
        mask = self._random_mask(image)
        if self.delta:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(mask)
                masked = self._masked_forward(image, mask, purpose)
                divergence = divergences.kl_divergence(target, masked)
            gradient = tape.gradient(divergence, mask)
            mask = flip(mask, gradient, self.delta)
        self._record(image, mask)
        masked = self._masked_forward(image, tf.stop_gradient(mask), purpose)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "divergence": divergences.kl_divergence(target, masked),
        }

    def _random_mask(self, image: tf.Tensor) -> tf.Tensor:
        """Units that are kept, 1, and dropped, 0, float32 [batch, ...]."""
        if self.dropout_layer == "last_hidden":
            units = self.masked_classifier.input_shape[-1][1:]
        else:
            units = image.shape[1:] if len(image.shape) == 2 else (*image.shape[1:-1], 1)
        shape = tf.concat([tf.shape(image)[:1], units], axis=0)
        draw = noise.uniform(shape, self.noise_seed("dropout"))
        return tf.cast(draw >= self.initial_dropout, tf.float32)

    def _masked_forward(self, image: tf.Tensor, mask: tf.Tensor, purpose: str) -> tf.Tensor:
        """Logits of the images under the mask."""
        if self.dropout_layer == "input":
            return self.forward(tf.cast(image, tf.float32) * mask, purpose)
        scaled = mask / (1.0 - self.initial_dropout)
        return self.forward([image, scaled], purpose, model=self.masked_classifier)

    def _record(self, image: tf.Tensor, mask: tf.Tensor) -> None:
        kept = tf.reduce_mean(mask)
        if self.dropout_layer == "last_hidden":
            self.record("kept_units", kept, tf.shape(mask)[0])
            return
        self.record("kept_pixels", kept, tf.shape(mask)[0])
        image = tf.cast(image, tf.float32)
        self.record_energy(image * mask - image, image)


def flip(mask: tf.Tensor, gradient: tf.Tensor, delta: float) -> tf.Tensor:
    """Flips the units of each example's mask that raise a linear function the most.

    Only flips that raise it count: 0 to 1 where the gradient is positive, 1 to 0 where it is
    negative. Of equal ones at the limit none is flipped.

    Args:
        mask: 0 and 1, float32 [batch, ...].
        gradient: of what is to be raised, same shape.
        delta: in [0, 1), share of the units that may be flipped, rounded down to units.

    Returns:
        The new mask, same shape.
    """
    units = math.prod(mask.shape[1:])
    count = int(delta * units + 1e-6)  # 0.29 * 100 is 28.999999999999996.
    gain = tf.reshape(gradient * (1.0 - 2.0 * mask), [-1, units])
    limit = tf.math.top_k(gain, count + 1).values[:, -1:]
    flipped = tf.reshape(gain > tf.maximum(limit, 0.0), tf.shape(mask))
    return tf.where(flipped, 1.0 - mask, mask)


def _with_mask(classifier: Any) -> Any:
    """The classifier of [images, mask of the last hidden units], on the same layers."""
    hidden = last_hidden(classifier).output
    head = keras.Model(hidden, classifier.outputs[0])
    mask = keras.Input(hidden.shape[1:], name="dropout_mask")
    logits = head(keras.layers.Multiply()([hidden, mask]))
    return keras.Model([*classifier.inputs, mask], logits, name="masked_classifier")
