"""xVAT: virtual multiplicative adversarial training (Yang & Ji, ICPR 2020)."""

from typing import Any

from xadv_tf.layers import HardConcreteGate, PerturbationGenerator, PerturbationTable
from xadv_tf.methods.players import Batch, Terms
from xadv_tf.methods.trained_mask import TrainedMaskMethod


class XVAT(TrainedMaskMethod):
    """Trains a classifier to predict the same of x and of x * z, z the mask that hurts it the most.

    Two players have one objective J, means over the global batch of terms per image:

        J = clean_weight CE(y, p)            labeled images x with their labels y
            + w D(p, q)                      unlabeled images x from here on
            + lambda L0 - lambda2 S

    The classifier descends J, the mask ascends it, both from one backward pass: the gradient
    changes its sign where it reaches a. With k `alternating_steps` the mask takes k steps first.
    No label is needed for D, so the method works semi-supervised, and no inner search: a step has
    one backward pass where VAT's has two.

        p, q    the predictions p(y|x) and p(y|s x * z), s the output_scale
        CE      -log p_y
        D       divergence: "kl" (the paper)                    sum_k p_k log(p_k / q_k)
                            "reverse_kl" (the released code)    sum_k q_k log(q_k / p_k)
                            "cross_entropy"                     -sum_k p_k log q_k
                p is a target: no gradient reaches it, in whichever of the three
        w       adversarial_weight
        a       log_alpha, one number a gate: a function of x where `mask` is a generator
                (inductive), a row for each image where it is a table (transductive)
        z       the mask, in [0, 1]: z = clip(t (zeta - gamma) + gamma, 0, 1) with
                t = sigmoid((log u - log(1 - u) + a) / beta) and a fresh u ~ U(0, 1)
        beta, gamma, zeta
                the gate's temperature and the ends of its stretched interval, (0.66, -0.1, 1.1)
        L0      sum over gates of P(z > 0) = sigmoid(a - beta log(-gamma / zeta)): the expected
                number of kept pixels; with l0_reduction="mean" their share
        lambda  sparsity
        S       roughness of v = sigmoid(z - beta log(-gamma / zeta)): the mean |v - v'| over pairs
                of neighbours, summed over the vertical, the horizontal and two diagonal directions
        lambda2
                smoothness

    Example:
        ```python
        method = XVAT(classifier, mask=PerturbationGenerator(), divergence="reverse_kl")
        method.compile(optimizer="adam", mask_optimizer="adam")
        method.fit(images, labels)
        logits = method(images)
        masked_images = method.perturb(images)["x_adv"]
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        mask: where log_alpha lives: PerturbationGenerator() (inductive; the default) or a
            PerturbationTable over the pool (transductive), which takes batches with an "index".
        divergence: "kl", "reverse_kl" or "cross_entropy", as above.
        clean_weight: weight of CE, >= 0.
        adversarial_weight: w, weight of D, >= 0.
        sparsity: lambda, weight of L0, >= 0. By default 1 for the mean over gates and 1 / gates
            for the sum, which is the same objective.
        l0_reduction: "sum" over gates (the paper) or "mean" (the released code).
        smoothness: lambda2, weight of S; positive makes masks smooth, negative rewards roughness,
            as the released code's one-step path does. At 0 S is not computed.
        alternating_steps: 0 moves both players from one backward pass; k > 0 first takes k ascent
            steps of the mask alone, each with a fresh draw, then moves the classifier.
        output_scale: s, positive (`eps` of the released code). Unless it is 1, an open mask is not
            the identity.
        fill: what a pixel becomes where z is 0: a number in the units of the images (0, which the
            paper has; or that of black after scaling), an array of an image's shape (such as the
            mean of the data), or "blurred", the image itself without its details.
        gate: makes z of a; by default HardConcreteGate(beta=0.66, gamma=-0.1, zeta=1.1).
        divergence_confidence: in [0, 1]; D counts where p gives its likeliest class at least this
            probability, and is 0 elsewhere: there is no adversary where the prediction is unsure.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range.
    """

    formula = (
        "J = CE(y, p(x)) + w · D[p(x), p(x ⊙ z)] + λ · L0(z), where the clean p(x) is held fixed. "
        "The classifier descends J, the mask z of the unlabeled x ascends it."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        mask: PerturbationGenerator | PerturbationTable | None = None,
        divergence: str = "kl",
        clean_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        sparsity: float | None = None,
        l0_reduction: str = "sum",
        smoothness: float = 0.0,
        alternating_steps: int = 0,
        output_scale: float = 1.0,
        fill: Any = 0.0,
        gate: HardConcreteGate | None = None,
        divergence_confidence: float = 0.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            classifier,
            mask=mask,
            divergence=divergence,
            clean_weight=clean_weight,
            adversarial_weight=adversarial_weight,
            sparsity=sparsity,
            l0_reduction=l0_reduction,
            smoothness=smoothness,
            alternating_steps=alternating_steps,
            output_scale=output_scale,
            fill=fill,
            gate=gate,
            divergence_confidence=divergence_confidence,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def adversarial_terms(self, batch: Batch, labeled_logits: Any, purpose: str) -> Terms:
        """{"divergence"} and the mask's own terms on the unlabeled images, [batch] each."""
        unlabeled = batch["unlabeled"]
        if labeled_logits is None:
            clean = self.forward(unlabeled["image"], f"clean/{purpose}")
        else:
            clean = self.unlabeled_forward(batch, labeled_logits)
        masked, mask_terms = self.masked_terms(unlabeled, purpose)
        return {"divergence": self.divergence_from(clean, masked), **mask_terms}
