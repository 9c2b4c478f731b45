"""VAT: virtual adversarial training (Miyato, Maeda, Koyama & Ishii, IEEE TPAMI 2018)."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from xadv_tf import divergences, noise, norms
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Terms, images_to_show, is_supervised


class VAT(Method):
    """Descends CE + adversarial_weight KL(p(x) || p(x + r)).

    r is the perturbation of length epsilon that changes p(x) the most. Power iteration finds its
    direction: from a random unit d, d <- g / ||g|| with g = grad_d KL(p(x) || p(x + xi d)), in
    which neither p(x) nor the weights are differentiated. This is the forward KL; xVAT's released
    code has the reverse.

    Example:
        ```python
        method = VAT(classifier, epsilon=1.5)
        method.compile(optimizer="adam")
        method.fit(batches)
        x_adv = method.perturb(images)["x_adv"]
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        epsilon: Euclidean length of r for each image, in the input's units.
        xi: length of the finite difference. The papers' 1e-6 loses 5 % of the divergence in
            float32 and 30 % in TF32. By default 1e-2, and 0.3 for classifiers that compute in
            half precision, where 1e-2 spread over all pixels is rounded away.
        num_power_iterations: forward and backward passes spent on r. With 0 the random d remains:
            Gaussian noise scaled to length epsilon, the control that has no adversary.
        adversarial_weight: weight of the divergence.
        share_noise: whether the unlabeled passes share one dropout mask (as the TensorFlow code of
            the paper), so that the divergence measures the perturbation and not the noise.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range.
    """

    formula = (
        "J = CE(y, p(x)) + w · KL(p(x) ‖ p(x + r)), where r = argmax KL(p(x) ‖ p(x + r)) over "
        "‖r‖₂ ≤ ε, by power iteration, and the clean p(x) are held fixed. The classifier descends "
        "J."
    )
    perturbs = True
    in_image_units = ("epsilon", "xi")

    def __init__(
        self,
        classifier: Any,
        *,
        epsilon: float = 2.0,
        xi: float | None = None,
        num_power_iterations: int = 1,
        adversarial_weight: float = 1.0,
        share_noise: bool = True,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if not 0 <= epsilon < float("inf"):  # As it stands a NaN fails too.
            raise ValueError(
                f"epsilon must be finite and not be negative. Received: epsilon={epsilon}"
            )
        if xi is not None and not 0 < xi < float("inf"):
            raise ValueError(f"xi must be finite and positive. Received: xi={xi}")
        if num_power_iterations < 0:
            raise ValueError(
                "num_power_iterations must not be negative. "
                f"Received: num_power_iterations={num_power_iterations}"
            )
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0, "divergence": adversarial_weight},
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.epsilon = epsilon
        half = classifier.compute_dtype in ("bfloat16", "float16")
        self.xi = xi if xi is not None else (0.3 if half else 1e-2)
        self.num_power_iterations = num_power_iterations
        self.share_noise = share_noise

    @property
    def backward_passes(self) -> int:
        """One, and one to the input for each power iteration."""
        return super().backward_passes + self.num_power_iterations

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "divergence"}, [batch] each."""
        logits = self.labeled_forward(batch)
        image = batch["unlabeled"]["image"]
        target = tf.stop_gradient(self.unlabeled_forward(batch, logits))
        # The clean pass's name makes passes share its noise (see `Method.forward`).
        clean = "labeled" if is_supervised(batch) else "unlabeled"
        power, perturbed = (clean, clean) if self.share_noise else ("power", "perturbed")
        perturbation = self._worst_perturbation(
            image,
            target,
            noise.normal(tf.shape(image), self.noise_seed("direction")),
            lambda x: self.forward(x, power),
        )
        self.record_energy(perturbation, image)
        perturbed_logits = self.forward(image + perturbation, perturbed)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "divergence": divergences.kl_divergence(target, perturbed_logits),
        }

    def perturb(self, x: Any, seed: int = 0) -> dict[str, tf.Tensor]:
        """The virtual adversarial perturbation of the trained classifier, in inference mode.

        Args:
            x: images, [batch, ...].
            seed: of the initial directions.

        Returns:
            {"perturbation", "x_adv"}, shape of x.
        """
        x = images_to_show(x, self.classifier)
        perturbation = self._worst_perturbation(
            x,
            tf.cast(self.classifier(x, training=False), tf.float32),
            noise.normal(tf.shape(x), noise.seed_pair(seed, "perturb", 0, 0)),
            lambda x: self.classifier(x, training=False),
        )
        return {"perturbation": perturbation, "x_adv": x + perturbation}

    def _worst_perturbation(
        self, x: tf.Tensor, target: tf.Tensor, direction: tf.Tensor, predict: Callable[..., Any]
    ) -> tf.Tensor:
        direction = norms.l2_normalize(direction)
        for _ in range(self.num_power_iterations):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(direction)
                divergence = divergences.kl_divergence(target, predict(x + self.xi * direction))
            direction = norms.l2_normalize(tape.gradient(divergence, direction))
        return tf.stop_gradient(self.epsilon * direction)
