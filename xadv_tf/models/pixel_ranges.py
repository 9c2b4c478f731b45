"""What a generator ends in, so that its pixels lie where those of the scaled images do."""

from typing import Any

import keras

# By the name of the images' scaling.
_ACTIVATIONS = {
    "unit": "sigmoid",
    "centered": "sigmoid",  # and shifted
    "symmetric": "tanh",
    "unbounded": "linear",
}


def into_range(x: Any, pixel_range: str) -> Any:
    """Brings the output of a generator's last layer into the range of its pixels.

    Args:
        x: symbolic images, any shape.
        pixel_range: "unit" [0, 1], "centered" [-0.5, 0.5], "symmetric" [-1, 1] or "unbounded".

    Returns:
        Symbolic images of the same shape in float32.

    Raises:
        ValueError: for an unknown range.
    """
    if pixel_range not in _ACTIVATIONS:
        raise ValueError(
            f"pixel_range must be one of {', '.join(_ACTIVATIONS)}. "
            f"Received: pixel_range={pixel_range!r}"
        )
    x = keras.layers.Activation(_ACTIVATIONS[pixel_range], dtype="float32")(x)
    return keras.layers.Rescaling(1.0, -0.5, dtype="float32")(x) if pixel_range == "centered" else x
