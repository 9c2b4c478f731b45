"""Counts the floating point operations of a traced function, by walking its graph.

The counts are those of the mathematics, not of an implementation: a multiply-add is 2 operations,
padding counts as if it were data, and a Winograd or FFT kernel gets no discount. Matrix products
and convolutions are counted; element-wise work, reductions and pooling, a few per cent in the
networks here, are not.

TensorFlow's own counter (float_operation of tf.compat.v1.profiler, 2.21) cannot do this: it counts
0 for what stands inside a nested tf.function, and it counts gradients that nobody reads. Of XLA,
TensorFlow gives out the compiled program but not the cost analysis.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

# Products that no rule below counts: better refused than silently left out of a sum.
_UNCOUNTED_PRODUCTS = frozenset(
    {
        "Conv3D",
        "Conv3DBackpropFilterV2",
        "Conv3DBackpropInputV2",
        "DepthwiseConv2dNative",
        "DepthwiseConv2dNativeBackpropFilter",
        "DepthwiseConv2dNativeBackpropInput",
        "Einsum",
        "SparseMatMul",
        "SparseTensorDenseMatMul",
        "XlaConvV2",
        "XlaDotV2",
    }
)
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# How often a branch or a body runs is known only when it runs. Attributes that name functions:
_CONTROL_FLOW = {
    "Case": ("branches",),
    "If": ("then_branch", "else_branch"),
    "StatelessCase": ("branches",),
    "StatelessIf": ("then_branch", "else_branch"),
    "StatelessWhile": ("cond", "body"),
    "While": ("cond", "body"),
}


def count(function: Any) -> dict[str, int]:
    """Floating point operations of one call, by type of operation.

    Like Grappler and XLA it leaves out what no output and no side effect needs: a gradient with
    respect to the images that nobody reads costs nothing. It looks through nested `tf.function`s.
    Under a mirrored strategy the graph, and so the count, holds every replica.

    Args:
        function: a ConcreteFunction, from `tf.function(f).get_concrete_function(...)`, traced with
            static shapes.

    Returns:
        {"Conv2D": ..., "MatMul": ...}: types that occur, in operations; the values add up to the
        total.

    Raises:
        ValueError: the graph holds a product of unknown shape or of a type without a rule, or one
            inside a loop or a branch.
    """
    totals: Counter[str] = Counter()
    for op in needed_operations(function):
        if op.type in _RULES:
            totals[op.type] += operations_of(op)
    return dict(sorted(totals.items()))


def needed_operations(function: Any) -> list[tf.Operation]:
    """The operations that a call executes, those of nested functions in place of their calls.

    Arguments and errors as for `count`; those inside loops and branches are left out.
    """
    graph = function.graph
    operations, _ = _needed(graph, range(len(graph.outputs)))
    return operations


def operations_of(op: tf.Operation) -> int:
    """Floating point operations of one operation; 0 if it is no product."""
    return _RULES[op.type](op) if op.type in _RULES else 0


def _needed(graph: Any, needed_outputs: Iterable[int]) -> tuple[list[tf.Operation], list[int]]:
    """What some outputs of a function's body need, and which of its inputs they read."""
    needed = {graph.outputs[i].ref() for i in needed_outputs}
    needed_ops = set(graph.control_outputs)
    operations: list[tf.Operation] = []
    # Operations are listed in an order in which they can run, so that in reverse every reader of
    # an output comes before the operation that makes it.
    for op in reversed(graph.get_operations()):
        read = [i for i, output in enumerate(op.outputs) if output.ref() in needed]
        if not read and op not in needed_ops:
            continue
        inputs: Iterable[int] = range(len(op.inputs))
        if op.type in _CALLS:
            body = _body(graph, op.get_attr("f").name)
            nested, inputs = _needed(body, read)
            operations += nested
        elif op.type in _CONTROL_FLOW:
            _refuse_products_inside(graph, op)
        elif op.type in _UNCOUNTED_PRODUCTS:
            raise ValueError(f"No rule counts this type of operation. Received: {_describe(op)}")
        else:
            operations.append(op)
        needed.update(op.inputs[i].ref() for i in inputs)
        needed_ops.update(op.control_inputs)
    return operations, [i for i, tensor in enumerate(graph.inputs) if tensor.ref() in needed]


def _refuse_products_inside(graph: Any, op: tf.Operation) -> None:
    for attribute in _CONTROL_FLOW[op.type]:
        value = op.get_attr(attribute)
        for function in value if isinstance(value, list) else [value]:
            body = _body(graph, function.name)
            nested, _ = _needed(body, range(len(body.outputs)))
            products = {one.type: operations_of(one) for one in nested if one.type in _RULES}
            if products:
                raise ValueError(
                    "Products inside a loop or a branch cannot be counted, because the graph does "
                    f"not say how often they run. Received: {_describe(op)} with {products}"
                )


def _body(graph: Any, name: str) -> Any:
    # TensorFlow has no public way from a call to the function that it calls.
    while graph is not None:
        function = graph._get_function(name)
        if function is not None:
            return function.graph
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(f"The graph calls a function that it does not hold. Received: {name}")


def _matmul(op: tf.Operation) -> int:
    # [m, k] times [k, n]: k multiply-adds for each of the m n outputs, and for each of the batch.
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    inner = _dimensions(op, op.inputs[0])[-2 if transposed else -1]
    return 2 * math.prod(_dimensions(op, op.outputs[0])) * inner


def _conv2d(op: tf.Operation) -> int:
    return _convolution(op, activations=op.outputs[0], filters=op.inputs[1])


def _conv2d_backprop_input(op: tf.Operation) -> int:
    return _convolution(op, activations=op.inputs[2], filters=op.inputs[1])


def _conv2d_backprop_filter(op: tf.Operation) -> int:
    return _convolution(op, activations=op.inputs[2], filters=op.outputs[0])


def _convolution(op: tf.Operation, activations: Any, filters: Any) -> int:
    """The forward pass and both gradients pair the same numbers, so that they cost the same.

    Args:
        op: the operation, for the message.
        activations: output of the forward pass, or its gradient: [batch, height, width, out], in
            any order.
        filters: the filter, or its gradient: [height, width, in / groups, out].
    """
    height, width, channels_in, _ = _dimensions(op, filters)
    return 2 * math.prod(_dimensions(op, activations)) * height * width * channels_in


def _dimensions(op: tf.Operation, tensor: Any) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"Counting needs static shapes. Received: {_describe(op)}")
    return list(tensor.shape.as_list())


def _describe(op: tf.Operation) -> str:
    shapes = ", ".join(str(tensor.shape) for tensor in (*op.inputs, *op.outputs))
    return f"{op.type} {op.name!r} of shapes {shapes}"


_RULES: dict[str, Callable[[tf.Operation], int]] = {
    "BatchMatMul": _matmul,
    "BatchMatMulV2": _matmul,
    "BatchMatMulV3": _matmul,
    "Conv2D": _conv2d,
    "Conv2DBackpropFilter": _conv2d_backprop_filter,
    "Conv2DBackpropInput": _conv2d_backprop_input,
    "MatMul": _matmul,
}
