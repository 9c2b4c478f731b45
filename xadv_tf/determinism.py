"""Whether kernels must add in a fixed order, so that a run on a GPU can be repeated to the bit."""

# TensorFlow does not export it; Keras asks the same function.
from tensorflow.python.framework import config


def is_required() -> bool:
    """Whether TF_DETERMINISTIC_OPS=1, or TensorFlow's enable_op_determinism, asks for it."""
    return bool(config.is_op_determinism_enabled())
