"""Entropy minimisation: be sure of unlabeled images (Grandvalet & Bengio, NIPS 2004)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.methods.unlabeled_term import UnlabeledTermMethod


class EntropyMinimization(UnlabeledTermMethod):
    """Descends CE + entropy_weight H(p(x)), H on the unlabeled images, in nats.

    Added to VAT with weight 1 this is the VAT+EntMin of Miyato et al. 2018.

    Example:
        ```python
        method = EntropyMinimization(classifier, entropy_weight=0.5)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits; None in a `Combined`.
        entropy_weight: a number >= 0, or a function of the step.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a negative entropy_weight.
    """

    formula = (
        "J = CE(y, p(x)) + w · H[p(x)], where H is of the unlabeled x. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any = None,
        *,
        entropy_weight: Any = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            classifier,
            term="entropy",
            weight=entropy_weight,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def loss_of(self, logits: tf.Tensor) -> tf.Tensor:
        """H(p), [batch]; the gradient flows through all of it."""
        return divergences.entropy(logits)
