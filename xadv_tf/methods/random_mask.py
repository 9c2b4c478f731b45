"""RandomMask: xVAT without its adversary, the ablation that tells what the adversary is worth."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from xadv_tf import indexed_noise, noise
from xadv_tf.layers import HardConcreteGate
from xadv_tf.methods.multiplicative import MultiplicativeMethod
from xadv_tf.methods.players import Batch, Terms


class RandomMask(MultiplicativeMethod):
    """Descends CE + weight D(x, z) for masks z that nobody trains.

    log_alpha ~ N(log_alpha_mean, log_alpha_stddev^2) for each gate, drawn anew in every step: the
    law in which a mask table starts out. log_alpha_stddev = 0 makes it constant. Arguments tell
    apart what xVAT's gain may come from: how many pixels are kept, whether an image's mask ever
    changes, how many pixels share a gate, and an adversary that only chooses among random masks.

    Example:
        ```python
        method = RandomMask(classifier, log_alpha_mean=1.0)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        log_alpha_mean: of log_alpha; larger keeps more pixels.
        log_alpha_stddev: of log_alpha, >= 0.
        adversarial_weight: weight of D.
        divergence: D: "kl", "reverse_kl" or "cross_entropy" (see `XVAT`).
        output_scale: positive factor on x * z.
        fill: what a pixel becomes where z is 0: a number in the units of the images (0, which the
            paper has; or that of black after scaling), an array of an image's shape (such as the
            mean of the data), or "blurred", the image itself without its details.
        gate: the gate that makes z of log_alpha; by default HardConcreteGate().
        fixed_masks: whether an image has one mask for good, a function of its "index" in the
            batch, instead of another one in each step.
        mask_block: side of the square of pixels that shares a gate.
        num_masks: masks drawn for an image, of which the one with the largest D counts; each costs
            a forward pass more.
        divergence_confidence: in [0, 1]; D counts where p(x) gives its likeliest class at least
            this probability, and is 0 elsewhere.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range; once the images are known, for blocks of vectors or
            of images of no fixed size; for fixed masks, for a batch without an "index".
    """

    formula = (
        "J = CE(y, p(x)) + w · D[p(x), p(x ⊙ z)], where z is drawn at random and the clean p(x) is "
        "held fixed. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        log_alpha_mean: float = 0.0,
        log_alpha_stddev: float = 1.0,
        adversarial_weight: float = 1.0,
        divergence: str = "kl",
        output_scale: float = 1.0,
        fill: Any = 0.0,
        gate: HardConcreteGate | None = None,
        fixed_masks: bool = False,
        mask_block: int = 1,
        num_masks: int = 1,
        divergence_confidence: float = 0.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if log_alpha_stddev < 0:
            raise ValueError(
                "log_alpha_stddev must not be negative. "
                f"Received: log_alpha_stddev={log_alpha_stddev}"
            )
        for argument, value in (("mask_block", mask_block), ("num_masks", num_masks)):
            if value < 1:
                raise ValueError(f"{argument} must be at least 1. Received: {argument}={value}")
        if fixed_masks and num_masks > 1:
            raise ValueError(
                "num_masks must be 1 with fixed_masks, of which an image has one. "
                f"Received: num_masks={num_masks}"
            )
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0, "divergence": adversarial_weight},
            divergence=divergence,
            output_scale=output_scale,
            fill=fill,
            gate=gate,
            divergence_confidence=divergence_confidence,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.log_alpha_mean = log_alpha_mean
        self.log_alpha_stddev = log_alpha_stddev
        self.fixed_masks = fixed_masks
        self.mask_block = mask_block
        self.num_masks = num_masks

    def log_alpha(self, image: tf.Tensor, index: Any = None) -> tf.Tensor:
        """This step's random log_alpha, one channel for all colours; if fixed, that of `index`."""
        return self._log_alpha(image, index, "log_alpha")

    def check_classifier(self, input_shape: Any) -> None:
        """As `MultiplicativeMethod.check_classifier`; blocks and fixed masks need known sizes."""
        sides = tuple(input_shape)[1:-1]
        if self.mask_block > 1 and not sides:
            raise ValueError(
                "mask_block must be 1 for vectors, which have no neighbours. "
                f"Received: mask_block={self.mask_block}"
            )
        if (self.mask_block > 1 or self.fixed_masks) and None in sides:
            raise ValueError(
                "mask_block and fixed_masks need images of a fixed size. "
                f"Received: images of shape {tuple(input_shape)[1:]}"
            )
        super().check_classifier(input_shape)

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "divergence"}, [batch] each."""
        logits = self.labeled_forward(batch)
        unlabeled = batch["unlabeled"]
        clean = self.unlabeled_forward(batch, logits)
        mask = self._mask(unlabeled, 0)
        if self.num_masks > 1:
            others = [self._mask(unlabeled, number) for number in range(1, self.num_masks)]
            mask = self._worst(unlabeled["image"], clean, [mask, *others])
        masked = self.forward(self.masked(unlabeled["image"], mask), "masked")
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "divergence": self.divergence_from(clean, masked),
        }

    def _mask(self, examples: Any, number: int) -> tf.Tensor:
        """The step's draw of that number."""
        suffix = f"/{number}" if number else ""
        image, index = examples["image"], examples.get("index")
        log_alpha = self._log_alpha(image, index, f"log_alpha{suffix}")
        if not self.fixed_masks:
            return self.draw_mask(log_alpha, f"gate{suffix}")
        gates = log_alpha.shape[1:]
        draw = indexed_noise.uniform(index, gates, self._seed.pair("gate", 0, 0))
        return self.gate(log_alpha, draw)

    def _worst(self, image: Any, clean: tf.Tensor, masks: Sequence[tf.Tensor]) -> tf.Tensor:
        """Of each image the mask with the largest D."""
        worst = self._divergence_under(image, clean, masks[0])
        mask = masks[0]
        for other in masks[1:]:
            divergence = self._divergence_under(image, clean, other)
            worse = tf.reshape(divergence > worst, [-1] + [1] * (len(mask.shape) - 1))
            mask = tf.where(worse, other, mask)
            worst = tf.maximum(divergence, worst)
        return tf.stop_gradient(mask)

    def _divergence_under(self, image: Any, clean: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return self.divergence_from(clean, self.forward(self.apply_mask(image, mask), "masked"))

    def _log_alpha(self, image: tf.Tensor, index: Any, purpose: str) -> tf.Tensor:
        if self.fixed_masks:
            if index is None:
                raise ValueError(
                    "Fixed masks are found by the image's index in the pool; pass index=[batch]. "
                    "Received: index=None"
                )
            gates = [int(side) for side in self._gates(image)]
            draw = indexed_noise.normal(index, gates, self._seed.pair(purpose, 0, 0))
        else:
            shape = tf.concat([tf.shape(image)[:1], self._gates(image)], axis=0)
            draw = noise.normal(shape, self.noise_seed(purpose))
        return self.log_alpha_mean + self.log_alpha_stddev * draw

    def _gates(self, image: tf.Tensor) -> Any:
        """Shape of an image's mask, one gate a block; known where the images' size is."""
        if len(image.shape) == 2:
            return image.shape[1:]
        if None in image.shape[1:-1]:
            return tf.concat([tf.shape(image)[1:-1], [1]], axis=0)
        return [*(-(-side // self.mask_block) for side in image.shape[1:-1]), 1]
