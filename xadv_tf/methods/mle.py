"""MLE: cross-entropy on the labeled images, the baseline of every table."""

from typing import Any

from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Terms


class MLE(Method):
    """Maximum likelihood: descends CE(y, p(y|x)).

    Example:
        ```python
        method = MLE(classifier)
        method.compile(optimizer="adam")
        method.fit(images, labels)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.
    """

    formula = "J = CE(y, p(x)). The classifier descends J."

    def __init__(
        self,
        classifier: Any,
        *,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0},
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy"}, [batch]."""
        logits = self.labeled_forward(batch)
        return {"cross_entropy": self.supervised_loss(batch, logits)}
