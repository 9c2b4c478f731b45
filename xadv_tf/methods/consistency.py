"""What Pi-model, Temporal Ensembling and Mean Teacher share: CE and a squared difference."""

from typing import Any

from xadv_tf.methods.base import Method


class ConsistencyMethod(Method):
    """Descends CE + consistency_weight * C, C the mean over images and classes of (p - p')^2.

    p and p' are two predictions of one image, and C is a mean over the unlabeled batch. A batch may
    be labeled and unlabeled at once, with label -1 for an image that has none. Then C is over all
    of its images, and so is the mean of CE, to which those without a label add 0, as in the
    published codes.

    Args:
        classifier: any Keras classifier that gives logits; without noise of its own (dropout,
            GaussianNoise) or augmentation there is nothing to be consistent about.
        consistency_weight: a number >= 0, or a function of the step such as
            `xadv_tf.optimizers.Ramp`. The published maxima are for squared errors summed over
            images and classes and divided by their number, as here.
        **kwargs: `seed`, `ema_decay`, `evaluate_ema` and `name` of `Method`.

    Raises:
        ValueError: for a negative consistency_weight.
    """

    def __init__(self, classifier: Any, *, consistency_weight: Any = 1.0, **kwargs: Any) -> None:
        if not callable(consistency_weight) and consistency_weight < 0.0:
            raise ValueError(
                "consistency_weight must not be negative. "
                f"Received: consistency_weight={consistency_weight}"
            )
        super().__init__(
            classifier,
            loss_weights={"cross_entropy": 1.0, "consistency": consistency_weight},
            **kwargs,
        )


def second_view(examples: Any) -> Any:
    """The images as augmented a second time, where they were; [batch, ...]."""
    return examples.get("second_image", examples["image"])
