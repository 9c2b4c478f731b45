"""MLE: cross-entropy on the labeled images, the baseline of every table."""

from typing import Any

from xadv_tf import divergences
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Terms


class MLE(Method):
    """Maximum likelihood: descends CE(y, p(y|x)).

    Args:
        classifier: any Keras classifier that gives logits.
        **kwargs: of `Method`.
    """

    formula = "J = CE(y, p(x)). The classifier descends J."

    def __init__(self, classifier: Any, **kwargs: Any) -> None:
        super().__init__(classifier, loss_weights={"cross_entropy": 1.0}, **kwargs)

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy"}, [batch]."""
        logits = self.labeled_forward(batch)
        return {"cross_entropy": divergences.cross_entropy(batch["labeled"]["label"], logits)}
