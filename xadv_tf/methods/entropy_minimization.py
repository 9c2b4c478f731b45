"""Entropy minimisation: be sure of unlabeled images (Grandvalet & Bengio, NIPS 2004)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.methods.unlabeled_term import UnlabeledTermMethod


class EntropyMinimization(UnlabeledTermMethod):
    """Descends CE + entropy_weight H(p(x)), H on the unlabeled images, in nats.

    Added to VAT with weight 1 this is the VAT+EntMin of Miyato et al. 2018.

    Args:
        classifier: any Keras classifier that gives logits; None in a `Combined`.
        entropy_weight: a number >= 0, or a function of the step.
        **kwargs: of `Method`.

    Raises:
        ValueError: for a negative entropy_weight.
    """

    formula = (
        "J = CE(y, p(x)) + w · H[p(x)], where H is of the unlabeled x. The classifier descends J."
    )

    def __init__(self, classifier: Any = None, *, entropy_weight: Any = 1.0, **kwargs: Any) -> None:
        super().__init__(classifier, term="entropy", weight=entropy_weight, **kwargs)

    def loss_of(self, logits: tf.Tensor) -> tf.Tensor:
        """H(p), [batch]; the gradient flows through all of it."""
        return divergences.entropy(logits)
