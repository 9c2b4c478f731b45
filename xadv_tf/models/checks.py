"""What builders of models refuse, in the same words."""

from collections.abc import Sequence


def check_widths(num_classes: int, hidden_units: Sequence[int]) -> None:
    """Raises ValueError if a width of a network of dense layers is below 1."""
    if min([num_classes, *hidden_units]) < 1:
        raise ValueError(
            "num_classes and all hidden_units must be at least 1. "
            f"Received: num_classes={num_classes}, hidden_units={tuple(hidden_units)}"
        )


def check_size(model: str, input_shape: tuple[int, ...], smallest: int) -> None:
    """Raises ValueError if images [height, width, channels] are below `smallest` on a side."""
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"{model} needs images of at least {smallest} x {smallest}. "
            f"Received: input_shape={tuple(input_shape)}"
        )
