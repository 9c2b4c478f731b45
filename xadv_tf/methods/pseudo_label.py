"""Pseudo-labels: take one's own sure predictions for labels (Lee, ICML 2013 workshop)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.methods.unlabeled_term import UnlabeledTermMethod


class PseudoLabel(UnlabeledTermMethod):
    """Descends CE + pseudo_label_weight CE(k, p(x)), k the class that p(x) itself finds likeliest.

    An unlabeled image counts if p_k(x) >= confidence_threshold and adds 0 otherwise; the mean is
    over all of them. Lee has no threshold (here 0) and lets the weight rise from 0 to 3 instead
    (here a function of the step); Oliver et al. 2018 have 0.95 and a constant weight.

    Example:
        ```python
        method = PseudoLabel(classifier, confidence_threshold=0.9)
        method.compile(optimizer="adam")
        method.fit(batches)
        logits = method(images)
        ```

    Args:
        classifier: any Keras classifier that gives logits; None in a `Combined`.
        pseudo_label_weight: a number >= 0, or a function of the step.
        confidence_threshold: in [0, 1].
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for arguments out of range.
    """

    formula = (
        "J = CE(y, p(x)) + w · 1[p(k|x) ≥ c] · CE(k, p(x)), where k = argmax p(k|x), of the "
        "unlabeled x. The classifier descends J."
    )

    def __init__(
        self,
        classifier: Any = None,
        *,
        pseudo_label_weight: Any = 1.0,
        confidence_threshold: float = 0.95,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if not 0.0 <= confidence_threshold <= 1.0:
            raise ValueError(
                "confidence_threshold must lie in [0, 1]. "
                f"Received: confidence_threshold={confidence_threshold}"
            )
        super().__init__(
            classifier,
            term="pseudo_label",
            weight=pseudo_label_weight,
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.confidence_threshold = confidence_threshold

    def loss_of(self, logits: tf.Tensor) -> tf.Tensor:
        """-log p_k where p_k is large enough, [batch]; records the share of such images."""
        label = tf.argmax(logits, axis=-1)
        confidence = tf.reduce_max(tf.nn.softmax(logits), axis=-1)
        chosen = confidence >= self.confidence_threshold
        share = tf.reduce_mean(tf.cast(chosen, tf.float32))
        self.record("pseudo_labeled", share, tf.size(chosen))
        return tf.where(chosen, divergences.cross_entropy(label, logits), 0.0)
