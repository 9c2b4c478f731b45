"""The least time that a step could take: its operations and bytes at the rates of the machine.

The roofline of Williams et al. 2009, operation by operation: a product (convolution, matrix
product) takes its operations at the best rate of products, or the bytes of its operands and its
result at the rate of a copy, whichever takes longer. A batch normalisation must have read its input
before it can write anything, and the gradient likewise, so that each is two passes of its own; an
update of Adam reads and writes its weights and moments. All other work, such as activations and
dropout, is taken to be done in passing and for nothing: a compiler may get there, never below.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainers.benchmarking import flops


@dataclasses.dataclass(frozen=True)
class Floor:
    """What a function must at least do.

    Attributes:
        gigabytes: 1e9 bytes that it reads and writes.
        milliseconds: the least time.
    """

    gigabytes: float
    milliseconds: float


def floor(function: Any, *, gflops: float, gigabytes: float) -> Floor:
    """The floor under one call of a function.

    Args:
        function: a ConcreteFunction, as for `flops.count`.
        gflops: 1e9 operations per second that products reach.
        gigabytes: 1e9 bytes per second that a copy reaches, read and written together.

    Raises:
        ValueError: as for `flops.count`.
    """
    total, seconds = 0, 0.0
    for op in flops.needed_operations(function):
        moved = _bytes(op)
        total += moved
        seconds += max(1e-9 * flops.operations_of(op) / gflops, 1e-9 * moved / gigabytes)
    return Floor(1e-9 * total, 1e3 * seconds)


def _bytes(op: tf.Operation) -> int:
    if op.type in _RULES:
        return _RULES[op.type](op)
    if flops.operations_of(op):
        return sum(_size(tensor) for tensor in (*op.inputs, *op.outputs))
    return 0


def _normalization(op: tf.Operation) -> int:
    # The input is read for its moments and again to be normalised.
    reads = 2 if op.get_attr("is_training") else 1
    return reads * _size(op.inputs[0]) + _size(op.outputs[0])


def _normalization_gradient(op: tf.Operation) -> int:
    # Upstream gradient and input are read for their sums and again for the result.
    return 2 * (_size(op.inputs[0]) + _size(op.inputs[1])) + _size(op.outputs[0])


def _adam(op: tf.Operation) -> int:
    # Weights and two moments are read and written, the gradient is read.
    return 7 * _size(op.inputs[-1])


def _size(tensor: Any) -> int:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"Counting needs static shapes. Received: {tensor}")
    numbers: int = math.prod(tensor.shape.as_list())
    return numbers * int(tensor.dtype.size)


_RULES: dict[str, Callable[[tf.Operation], int]] = {
    "FusedBatchNormV3": _normalization,
    "FusedBatchNormGradV3": _normalization_gradient,
    "ResourceApplyAdam": _adam,
}
