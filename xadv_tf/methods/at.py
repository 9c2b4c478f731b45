"""AT: adversarial training on the labeled images (Goodfellow, Shlens & Szegedy, ICLR 2015)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences, norms
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Terms, images_to_show


class AT(Method):
    """Descends clean_weight CE(x) + adversarial_weight CE(x + r).

    r is the steepest step of size epsilon: worked out at the current weights, in training mode,
    from the gradient of CE(x) with respect to x alone, and then held fixed.

    Example:
        ```python
        method = AT(classifier, epsilon=0.5, norm="l2")
        method.compile(optimizer="adam")
        method.fit(images, labels)
        x_adv = method.perturb(images, labels)["x_adv"]
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        epsilon: size of r in the input's units.
        norm: "linf" (r = epsilon sign g) or "l2" (r = epsilon g / ||g|| per image).
        clean_weight: weight of the clean cross-entropy.
        adversarial_weight: weight of the adversarial one. Both 1/2 in Goodfellow et al., both 1 in
            Miyato et al.'s code.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a negative epsilon or an unknown norm.
    """

    differentiates_images = True
    perturbs = True
    in_image_units = ("epsilon", "the step to it")
    formula = (
        "J = a · CE(y, p(x)) + b · CE(y, p(x + r)), where r = argmax r · ∇CE(y, p(x)) over ‖r‖ ≤ ε "
        "is held fixed. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        epsilon: float = 0.25,
        norm: str = "linf",
        clean_weight: float = 0.5,
        adversarial_weight: float = 0.5,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if not 0 <= epsilon < float("inf"):  # As it stands a NaN fails too.
            raise ValueError(
                f"epsilon must be finite and not be negative. Received: epsilon={epsilon}"
            )
        if norm not in ("linf", "l2"):
            raise ValueError(f"norm must be 'linf' or 'l2'. Received: norm={norm!r}")
        super().__init__(
            classifier,
            loss_weights={
                "cross_entropy": clean_weight,
                "adversarial_cross_entropy": adversarial_weight,
            },
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.epsilon = epsilon
        self.norm = norm

    @property
    def backward_passes(self) -> int:
        """One, and one to the input."""
        return super().backward_passes + 1

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "adversarial_cross_entropy"}, [batch] each."""
        image = batch["labeled"]["image"]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            clean = self.supervised_loss(batch, self.labeled_forward(batch))
        step = norms.steepest_step(tape.gradient(clean, image), self.epsilon, self.norm)
        self.record_energy(step, image)
        adversarial = self.forward(image + tf.stop_gradient(step), "adversarial")
        return {
            "cross_entropy": clean,
            "adversarial_cross_entropy": self.supervised_loss(batch, adversarial),
        }

    def perturb(self, x: Any, label: Any) -> dict[str, tf.Tensor]:
        """The perturbation that the trained classifier is weakest against.

        Args:
            x: images, [batch, ...].
            label: their classes, [batch].

        Returns:
            {"perturbation", "x_adv"}, shape of x; the classifier in inference mode.
        """
        x = images_to_show(x, self.classifier)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            loss = divergences.cross_entropy(label, self.classifier(x, training=False))
        perturbation = norms.steepest_step(tape.gradient(loss, x), self.epsilon, self.norm)
        return {"perturbation": perturbation, "x_adv": x + perturbation}
