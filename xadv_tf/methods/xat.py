"""xAT: multiplicative adversarial training (Yang & Ji, ICPR 2020)."""

from typing import Any

from xadv_tf.layers import HardConcreteGate, PerturbationGenerator, PerturbationTable
from xadv_tf.methods.players import Batch, Terms
from xadv_tf.methods.trained_mask import TrainedMaskMethod


class XAT(TrainedMaskMethod):
    """Trains a classifier on x * z, z the mask of a labeled image that hurts it the most.

    Two players have one objective J, means over the labeled images x with their labels y:

        J = clean_weight CE(y, p) + w D + lambda L0 - lambda2 S

    The classifier descends J, the mask ascends it, both from one backward pass: the gradient
    changes its sign where it reaches a. With k `alternating_steps` the mask takes k steps first.

        p, q    the predictions p(y|x) and p(y|s x * z), s the output_scale
        CE      -log p_y
        D       divergence: "cross_entropy" (the paper)         CE(y, q) = -log q_y
                            "kl"                                sum_k p_k log(p_k / q_k)
                            "reverse_kl" (the released code)    sum_k q_k log(q_k / p_k)
                in the last two p is a target, which no gradient reaches
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

    The released code never trains its generator, which is a mask_optimizer with learning rate 0
    here. Where D is the cross-entropy its running statistics follow the masked pass as well; here
    they follow the clean pass alone, as in all methods.

    Example:
        ```python
        method = XAT(classifier, mask=PerturbationGenerator(depth=2), sparsity=0.01)
        method.compile(optimizer="adam", mask_optimizer="adam")
        method.fit(images, labels)
        masks = method.perturb(images)["mask"]
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        mask: where log_alpha lives: PerturbationGenerator() (inductive; the default) or a
            PerturbationTable over the pool (transductive), which takes batches with an "index".
        divergence: "cross_entropy", "kl" or "reverse_kl", as above.
        clean_weight: weight of CE(y, p), >= 0.
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
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range.
    """

    formula = (
        "J = CE(y, p(x)) + w · CE(y, p(x ⊙ z)) + λ · L0(z). The classifier descends J, the mask z "
        "of the labeled x ascends it."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        mask: PerturbationGenerator | PerturbationTable | None = None,
        divergence: str = "cross_entropy",
        clean_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        sparsity: float | None = None,
        l0_reduction: str = "sum",
        smoothness: float = 0.0,
        alternating_steps: int = 0,
        output_scale: float = 1.0,
        fill: Any = 0.0,
        gate: HardConcreteGate | None = None,
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
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def adversarial_terms(self, batch: Batch, labeled_logits: Any, purpose: str) -> Terms:
        """{"divergence"} and the mask's own terms on the labeled images, [batch] each."""
        labeled = batch["labeled"]
        masked, mask_terms = self.masked_terms(labeled, purpose)
        if self.divergence == "cross_entropy":
            loss = self.supervised_loss(batch, masked)
        else:
            if labeled_logits is None:
                labeled_logits = self.forward(labeled["image"], f"clean/{purpose}")
            loss = self.divergence_from(labeled_logits, masked)
        return {"divergence": loss, **mask_terms}
