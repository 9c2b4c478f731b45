"""RandomMask: xVAT without its adversary, the ablation that tells what the adversary is worth."""

from typing import Any

import tensorflow as tf

from xadv_tf import noise
from xadv_tf.layers import HardConcreteGate
from xadv_tf.methods.multiplicative import MultiplicativeMethod
from xadv_tf.methods.players import Batch, Terms


class RandomMask(MultiplicativeMethod):
    """Descends CE + weight D(x, z) for masks z that nobody trains.

    log_alpha ~ N(log_alpha_mean, log_alpha_stddev^2) for each gate, drawn anew in every step: the
    law in which a mask table starts out. log_alpha_stddev = 0 makes it constant.

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
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a negative log_alpha_stddev.
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
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0, "divergence": adversarial_weight},
            divergence=divergence,
            output_scale=output_scale,
            fill=fill,
            gate=gate,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.log_alpha_mean = log_alpha_mean
        self.log_alpha_stddev = log_alpha_stddev

    def log_alpha(self, image: tf.Tensor, index: Any = None) -> tf.Tensor:
        """This step's random log_alpha, one channel for all colours; `index` is not looked at."""
        shape = tf.shape(image)
        if len(image.shape) > 2:
            shape = tf.concat([shape[:-1], [1]], axis=0)
        return self.log_alpha_mean + self.log_alpha_stddev * noise.normal(
            shape, self.noise_seed("log_alpha")
        )

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "divergence"}, [batch] each."""
        logits = self.labeled_forward(batch)
        image = batch["unlabeled"]["image"]
        clean = self.unlabeled_forward(batch, logits)
        mask = self.draw_mask(self.log_alpha(image), "gate")
        masked = self.forward(self.apply_mask(image, mask), "masked")
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "divergence": self.divergence_from(clean, masked),
        }
