"""Temporal Ensembling: agree with one's own past predictions (Laine & Aila, ICLR 2017)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.layers import EnsembleTable
from xadv_tf.methods.consistency import ConsistencyMethod
from xadv_tf.methods.players import Batch, Terms


class TemporalEnsembling(ConsistencyMethod):
    """Descends CE + weight mean (p - target)^2, target an average of p in the epochs before.

    The average is of predictions in training mode, updated by epoch and corrected for its start
    (see `EnsembleTable`). An image that no earlier epoch saw has no target and counts 0. Batches
    carry each image's "index" in the pool.

    Example:
        ```python
        method = TemporalEnsembling(classifier, num_examples=1000, steps_per_epoch=10)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        num_examples: size of the pool.
        steps_per_epoch: after how many steps the average is updated; those that go once through
            the pool.
        ensemble_momentum: of the average, in [0, 1).
        consistency_weight: w, a number >= 0, or a function of the step such as
            `xadv_tf.optimizers.Ramp` (see `ConsistencyMethod`).
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range.
    """

    formula = (
        "J = CE(y, p(x)) + w · mean (p(x) − p̄(x))², where p̄, an average of p(x) over the epochs "
        "before, is held fixed. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        num_examples: int,
        steps_per_epoch: int,
        ensemble_momentum: float = 0.6,
        consistency_weight: Any = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if steps_per_epoch < 1:
            raise ValueError(
                f"steps_per_epoch must be at least 1. Received: steps_per_epoch={steps_per_epoch}"
            )
        super().__init__(
            classifier,
            consistency_weight=consistency_weight,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.num_examples = num_examples
        self.steps_per_epoch = steps_per_epoch
        self.ensemble_momentum = ensemble_momentum
        self.ensemble: Any = None

    @property
    def num_rows(self) -> int | None:
        """Of the ensemble."""
        return self.num_examples

    def build(self, input_shape: Any) -> None:
        """Builds classifier, table and optimizers for images of `input_shape`, [batch, ...]."""
        super().build(input_shape)
        if self.ensemble is None:
            num_classes = self.classifier.compute_output_shape(input_shape)[-1]
            self.ensemble = EnsembleTable(
                self.num_examples, num_classes, momentum=self.ensemble_momentum
            )

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "consistency"}, [batch] each.

        Raises:
            ValueError: for a batch without "index".
        """
        index = batch["unlabeled"].get("index")
        if index is None:
            raise ValueError(
                "The ensemble is found by each image's index in the pool; batches must carry "
                '"index", [batch]. Received: index=None'
            )
        logits = self.labeled_forward(batch)
        predictions = tf.nn.softmax(self.unlabeled_forward(batch, logits))
        target, known = self.ensemble.target(index, self._epoch())
        error = divergences.squared_distance(predictions, target)
        self.keep("predictions", tf.stop_gradient(predictions))
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "consistency": tf.where(known, error, 0.0),
        }

    def after_step(self, batch: Batch) -> None:
        """Notes the step's predictions."""
        index = batch["unlabeled"]["index"]
        self.ensemble.update(index, self._epoch(), self.kept("predictions"))

    def _epoch(self) -> tf.Tensor:
        return self.step.value // self.steps_per_epoch
