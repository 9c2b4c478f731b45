"""xAT: multiplicative adversarial training (Yang & Ji, ICPR 2020)."""

from typing import Any

from xadv_tf import divergences
from xadv_tf.methods.players import Batch, Terms
from xadv_tf.methods.trained_mask import TrainedMaskMethod


class XAT(TrainedMaskMethod):
    """Trains a classifier on x * z, z the mask of a labeled image that hurts it the most.

    D = CE(y, p(y|x * z)) in the paper; the released code defaults to the divergence from the clean
    prediction instead ("reverse_kl"), and never trains its generator, which is a mask_optimizer
    with learning rate 0 here. There, too, the running statistics follow the masked pass as well
    where D is the cross-entropy; here the clean pass alone, as in all methods.

    Args:
        classifier: any Keras classifier that gives logits.
        divergence: "cross_entropy" with the labels, or "kl" or "reverse_kl" from the clean
            prediction.
        **kwargs: of `TrainedMaskMethod`, `MultiplicativeMethod` and `Method`.
    """

    formula = (
        "J = CE(y, p(x)) + w · CE(y, p(x ⊙ z)) + λ · L0(z). The classifier descends J, the mask z "
        "of the labeled x ascends it."
    )

    def __init__(
        self, classifier: Any, *, divergence: str = "cross_entropy", **kwargs: Any
    ) -> None:
        super().__init__(classifier, divergence=divergence, **kwargs)

    def adversarial_terms(self, batch: Batch, labeled_logits: Any, purpose: str) -> Terms:
        """{"divergence"} and the mask's own terms on the labeled images, [batch] each."""
        labeled = batch["labeled"]
        masked, mask_terms = self.masked_terms(labeled, purpose)
        if self.divergence == "cross_entropy":
            loss = divergences.cross_entropy(labeled["label"], masked)
        else:
            if labeled_logits is None:
                labeled_logits = self.forward(labeled["image"], f"clean/{purpose}")
            loss = self.divergence_from(labeled_logits, masked)
        return {"divergence": loss, **mask_terms}
