"""Refuses float16: its gradients underflow unless the losses are scaled, which no method does."""

from typing import Any

from xadv_tf.methods import classifiers


def refuse_half_policy(method: Any) -> None:
    """Raises ValueError for a method that was made under a policy which computes in float16."""
    if method.compute_dtype == "float16":
        raise ValueError(_half_precision(f"the dtype policy {method.dtype_policy.name}"))


def refuse_half_layers(model: Any) -> None:
    """Raises ValueError if some layer within a model computes in float16."""
    for layer in classifiers.layers(model):
        if layer.compute_dtype == "float16":
            raise ValueError(_half_precision(f"the layer {layer.name} of dtype float16"))


def _half_precision(received: str) -> str:
    return (
        "A method does not scale its losses; train in mixed_bfloat16 or float32. "
        f"Received: {received}"
    )
