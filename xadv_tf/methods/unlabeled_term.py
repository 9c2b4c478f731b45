"""What EntropyMinimization and PseudoLabel share: CE and a term of the clean predictions alone."""

from typing import Any

import tensorflow as tf

from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Terms


class UnlabeledTermMethod(Method):
    """Descends CE + weight * term, the term being of p(x) on the unlabeled images.

    It is a method by itself; as a part of a `Combined` it adds its term at the cost of no further
    pass. Where a batch is labeled and unlabeled at once, the term is of all its images.

    Args:
        classifier: any Keras classifier that gives logits; None in a `Combined`, which has one.
        term: name of the term.
        weight: a number >= 0, or a function of the step such as `xadv_tf.optimizers.Ramp`.
        **kwargs: `seed`, `ema_decay`, `evaluate_ema` and `name` of `Method`.

    Raises:
        ValueError: for a negative weight.
    """

    def __init__(self, classifier: Any, *, term: str, weight: Any, **kwargs: Any) -> None:
        if not callable(weight) and weight < 0.0:
            raise ValueError(
                f"{term}_weight must not be negative. Received: {term}_weight={weight}"
            )
        super().__init__(classifier, loss_weights={"cross_entropy": 1.0, term: weight}, **kwargs)
        self.term = term

    def loss_of(self, logits: tf.Tensor) -> tf.Tensor:
        """The term, [batch], of the unlabeled images' logits."""
        raise NotImplementedError

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", term}, [batch] each."""
        logits = self.labeled_forward(batch)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            self.term: self.loss_of(self.unlabeled_forward(batch, logits)),
        }

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As `Method.compile`.

        Raises:
            ValueError: without a classifier.
        """
        if self.classifier is None:
            raise ValueError(
                f"{type(self).__name__} needs a classifier, unless it is a part of a Combined. "
                "Received: classifier=None"
            )
        super().compile(optimizer, **kwargs)
