"""Pi-model: two noisy passes that must agree (Laine & Aila, ICLR 2017)."""

from typing import Any

from xadv_tf import divergences
from xadv_tf.methods.consistency import ConsistencyMethod, second_view
from xadv_tf.methods.players import Batch, Terms, is_supervised


class PiModel(ConsistencyMethod):
    """Descends CE + weight mean (p - p')^2 of two passes with independent noise.

    The gradient flows through both passes. Where one batch is both labeled and unlabeled, CE is
    that of the first pass and running statistics follow the second, as in the released code.

    Example:
        ```python
        weight = Ramp(100.0, steps_per_epoch=500, up=80.0)
        method = PiModel(classifier, consistency_weight=weight)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits; without noise of its own (dropout,
            GaussianNoise) or augmentation there is nothing to be consistent about.
        consistency_weight: w, a number >= 0, or a function of the step such as
            `xadv_tf.optimizers.Ramp` (see `ConsistencyMethod`).
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a negative consistency_weight.
    """

    formula = (
        "J = CE(y, p(x)) + w · mean (p(x) − p′(x))², where p and p′ differ by their noise. The "
        "classifier descends J through both."
    )
    two_views = True

    def __init__(
        self,
        classifier: Any,
        *,
        consistency_weight: Any = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            classifier,
            consistency_weight=consistency_weight,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "consistency"}, [batch] each."""
        one_batch = is_supervised(batch)
        unlabeled = batch["unlabeled"]
        logits = self.labeled_forward(batch, update_statistics=not one_batch)
        first = self.unlabeled_forward(batch, logits)
        second = self.forward(second_view(unlabeled), "second", update_statistics=one_batch)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "consistency": divergences.squared_error(first, second),
        }
