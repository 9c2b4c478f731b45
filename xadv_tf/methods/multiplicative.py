"""What all methods with a multiplicative mask share: the gate, the masked pass, the divergence."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from xadv_tf import divergences, masks
from xadv_tf import noise as noise_lib
from xadv_tf.layers import HardConcreteGate
from xadv_tf.methods import classifiers
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import images_to_show

# D(x, z) from the logits of the clean images (the target, detached) and of the masked ones.
DIVERGENCES: Mapping[str, Callable[[Any, Any], tf.Tensor]] = {
    "kl": divergences.kl_divergence,  # KL(p || p_masked): the paper
    "reverse_kl": lambda p, q: divergences.kl_divergence(q, p),  # the released code's default
    "cross_entropy": divergences.soft_cross_entropy,  # the released code with kl != 1
}


class MultiplicativeMethod(Method):
    """A method with x_adv = output_scale (x z + fill (1 - z)), z a mask of hard-concrete gates.

    Args:
        classifier: any Keras classifier that gives logits.
        loss_weights: weight of each term.
        divergence: "kl", "reverse_kl" or "cross_entropy".
        output_scale: factor on x * z (`eps` of the released code). Unless it is 1, an open mask is
            not the identity.
        fill: what a pixel becomes where z is 0: a number in the units of the images (0, which the
            paper has; or that of black after scaling), an array of an image's shape (such as the
            mean of the data), or "blurred", the image itself without its details.
        gate: the gate; by default HardConcreteGate().
        divergence_confidence: in [0, 1]; D counts where the clean prediction gives its likeliest
            class at least this probability, and is 0 elsewhere.
        **kwargs: `seed`, `ema_decay`, `evaluate_ema` and `name` of `Method`.

    Raises:
        ValueError: for an unknown divergence, an output_scale not positive, another fill, a
            divergence_confidence out of range; once the images are known, for an array that has
            not their shape, or to blur vectors.
    """

    perturbs = True

    def __init__(
        self,
        classifier: Any,
        *,
        loss_weights: Mapping[str, Any],
        divergence: str = "kl",
        output_scale: float = 1.0,
        fill: Any = 0.0,
        gate: HardConcreteGate | None = None,
        divergence_confidence: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if divergence not in DIVERGENCES:
            raise ValueError(
                f"divergence must be one of {', '.join(DIVERGENCES)}. "
                f"Received: divergence={divergence!r}"
            )
        if output_scale <= 0:
            raise ValueError(
                f"output_scale must be positive. Received: output_scale={output_scale}"
            )
        _check_fill(fill)
        if gate is not None and not isinstance(gate, HardConcreteGate):
            raise ValueError(f"gate must be a HardConcreteGate or None. Received: gate={gate!r}")
        if not 0.0 <= divergence_confidence <= 1.0:
            raise ValueError(
                "divergence_confidence must lie in [0, 1]. "
                f"Received: divergence_confidence={divergence_confidence}"
            )
        super().__init__(classifier, loss_weights=loss_weights, **kwargs)
        self.gate = gate or HardConcreteGate()
        self.gate.build(None)
        self.divergence = divergence
        self.output_scale = output_scale
        self.fill = fill
        self.divergence_confidence = divergence_confidence

    def log_alpha(self, image: tf.Tensor, index: Any = None) -> tf.Tensor:
        """Location of each gate for these images, float32 [batch, height', width', channels'].

        Args:
            image: [batch, height, width, channels].
            index: the images' places in the pool, [batch]; for masks that are a table.

        Returns:
            log_alpha; a lower resolution than the images' means that gates cover squares of pixels.
        """
        raise NotImplementedError

    def check_classifier(self, input_shape: Any) -> None:
        """As `Method.check_classifier`; the channels must stand last, and `fill` be of an image."""
        classifiers.refuse_channels_first(self.classifier)
        _refuse_other_than_of_image(self.fill, input_shape)
        super().check_classifier(input_shape)

    def apply_mask(self, image: Any, mask: tf.Tensor) -> tf.Tensor:
        """x_adv = output_scale (image z + fill (1 - z)), z the mask, float32, shape of `image`."""
        image = tf.cast(image, tf.float32)
        _refuse_other_than_of_image(self.fill, image.shape)
        mask = masks.expand(mask, image.shape)
        masked = self.output_scale * image * mask
        if np.all(self.fill == 0.0):  # As a constant 0 it would cost a pass over the images.
            return masked
        fill = (
            masks.blur(image) if isinstance(self.fill, str) else tf.constant(self.fill, tf.float32)
        )
        return masked + self.output_scale * fill * (1.0 - mask)

    def draw_mask(self, log_alpha: tf.Tensor, purpose: str) -> tf.Tensor:
        """A random mask of log_alpha's shape."""
        return self.gate(
            log_alpha, noise_lib.uniform(tf.shape(log_alpha), self.noise_seed(purpose))
        )

    def masked(self, image: Any, mask: tf.Tensor) -> tf.Tensor:
        """`apply_mask` in training: records the share of kept pixels and the energy taken.

        That is ||x_adv - x||^2 / ||x||^2, by which masks compare with additive perturbations.
        """
        x_adv = self.apply_mask(image, mask)
        kept = tf.reduce_mean(tf.cast(mask > 0, tf.float32))
        self.record("kept_pixels", kept, tf.shape(mask)[0])
        self.record_energy(x_adv - tf.cast(image, tf.float32), image)
        return x_adv

    def divergence_from(self, clean_logits: tf.Tensor, masked_logits: tf.Tensor) -> tf.Tensor:
        """D(x, z), [batch]; the clean prediction is a target and takes no gradient.

        It is 0 where that prediction is less sure than `divergence_confidence`; the share of the
        images where it counts is recorded.
        """
        target = tf.stop_gradient(clean_logits)
        divergence = DIVERGENCES[self.divergence](target, masked_logits)
        if not self.divergence_confidence:
            return divergence
        sure = tf.reduce_max(tf.nn.softmax(target), axis=-1) >= self.divergence_confidence
        self.record("sure_images", tf.reduce_mean(tf.cast(sure, tf.float32)), tf.size(sure))
        return tf.where(sure, divergence, 0.0)

    def perturb(self, x: Any, *, index: Any = None, noise: Any = None) -> dict[str, tf.Tensor]:
        """Shows what the mask does to images.

        Args:
            x: images, [batch, height, width, channels].
            index: their places in the pool, [batch]; needed where the mask is a table.
            noise: u, uniform on [0, 1), of log_alpha's shape, to draw a mask; None gives the
                deterministic one.

        Returns:
            {"log_alpha", "mask", "x_adv"}: log_alpha and mask at the mask's resolution, x_adv at
            the images'.

        Raises:
            ValueError: for what is no batch of images, or an index of another length.
        """
        x = images_to_show(x, self.classifier)
        index = None if index is None else tf.convert_to_tensor(index)
        if index is not None and not index.shape.is_compatible_with(x.shape[:1]):
            raise ValueError(
                f"index must have a place for each image, {tuple(x.shape[:1])}. "
                f"Received: index of shape {tuple(index.shape)}"
            )
        log_alpha = self.log_alpha(x, index)
        mask = self.gate(log_alpha, noise)
        return {"log_alpha": log_alpha, "mask": mask, "x_adv": self.apply_mask(x, mask)}


def _check_fill(fill: Any) -> None:
    if isinstance(fill, str):
        fits = fill == "blurred"
    else:
        fits = np.asarray(fill).dtype.kind in "fiu" and bool(np.all(np.isfinite(fill)))
    if not fits:
        raise ValueError(
            "fill must be a number, an array of an image's shape or 'blurred'. "
            f"Received: fill={fill!r}"
        )


def _refuse_other_than_of_image(fill: Any, batch_shape: Any) -> None:
    """Raises ValueError for a fill that is none of images [batch, ...] of this shape."""
    shape = tuple(batch_shape)[1:]
    if isinstance(fill, str):
        if len(shape) == 1:
            raise ValueError(
                "fill must be a number or an array where the inputs are vectors, which have no "
                f"neighbours to blur. Received: fill={fill!r} and inputs of shape {shape}"
            )
        return
    given = np.shape(fill)
    # Numbers stretch to an image's shape, but never beyond it, as several images would.
    if len(given) > len(shape) or not all(
        side in (1, image_side) or image_side is None
        for side, image_side in zip(reversed(given), reversed(shape), strict=False)
    ):
        raise ValueError(
            f"fill must be a number or have the shape {shape} of an image. "
            f"Received: fill of shape {given}"
        )
