"""xVAT: virtual multiplicative adversarial training (Yang & Ji, ICPR 2020)."""

from typing import Any

from xadv_tf.methods.players import Batch, Terms
from xadv_tf.methods.trained_mask import TrainedMaskMethod


class XVAT(TrainedMaskMethod):
    """Trains a classifier to predict the same of x and of x * z, z the mask that hurts it the most.

    D(x, z) = D[p(y|x), p(y|x * z)] on the unlabeled images, the clean prediction held fixed. No
    label is needed, so it works semi-supervised; and since the mask is trained along with the
    classifier, a step has no inner search: one backward pass where VAT needs two.

    Args:
        classifier: any Keras classifier that gives logits.
        **kwargs: of `TrainedMaskMethod`, `MultiplicativeMethod` and `Method`.
    """

    formula = (
        "J = CE(y, p(x)) + w · D[p(x), p(x ⊙ z)] + λ · L0(z), where the clean p(x) is held fixed. "
        "The classifier descends J, the mask z of the unlabeled x ascends it."
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
