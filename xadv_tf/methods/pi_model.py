"""Pi-model: two noisy passes that must agree (Laine & Aila, ICLR 2017)."""

from xadv_tf import divergences
from xadv_tf.methods.consistency import ConsistencyMethod, second_view
from xadv_tf.methods.players import Batch, Terms, is_supervised


class PiModel(ConsistencyMethod):
    """Descends CE + weight mean (p - p')^2 of two passes with independent noise.

    The gradient flows through both passes. Where one batch is both labeled and unlabeled, CE is
    that of the first pass and running statistics follow the second, as in the released code.
    """

    formula = (
        "J = CE(y, p(x)) + w · mean (p(x) − p′(x))², where p and p′ differ by their noise. The "
        "classifier descends J through both."
    )
    two_views = True

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "consistency"}, [batch] each."""
        one_batch = is_supervised(batch)
        unlabeled = batch["unlabeled"]
        logits = self.labeled_forward(batch, update_statistics=not one_batch)
        first = self.unlabeled_forward(batch, logits)
        second = self.forward(second_view(unlabeled), "second", update_statistics=one_batch)
        return {
            "cross_entropy": divergences.cross_entropy(batch["labeled"]["label"], logits),
            "consistency": divergences.squared_error(first, second),
        }
