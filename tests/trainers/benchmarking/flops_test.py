import pytest
import tensorflow as tf

from trainers.benchmarking import flops


def _count(function, *shapes, **kwargs):
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return flops.count(tf.function(function, **kwargs).get_concrete_function(*specs))


def _loss_and_gradients(operation, wanted):
    def function(*args):
        with tf.GradientTape() as tape:
            tape.watch(args)
            loss = tf.reduce_sum(operation(*args) ** 2)
        return loss, tape.gradient(loss, [args[i] for i in wanted])

    return function


# [5, 7] times [7, 3]: 15 outputs of 7 multiply-adds, 2 * 15 * 7 = 210 operations.
@pytest.mark.parametrize(
    ("shape_a", "shape_b", "transpose_a", "transpose_b"),
    [
        ([5, 7], [7, 3], False, False),
        ([7, 5], [7, 3], True, False),
        ([5, 7], [3, 7], False, True),
        ([7, 5], [3, 7], True, True),
    ],
)
def test_matmul_with_transposed_arguments(shape_a, shape_b, transpose_a, transpose_b):
    def function(a, b):
        return tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    assert _count(function, shape_a, shape_b) == {"MatMul": 210}


# Four such products, one for each of the batch: 840, also when one side is broadcast.
@pytest.mark.parametrize("shape_b", [[4, 7, 3], [1, 7, 3]])
@pytest.mark.parametrize("adjoint", [False, True])
def test_batch_matmul(shape_b, adjoint):
    shape_a = [4, 7, 5] if adjoint else [4, 5, 7]

    def function(a, b):
        return tf.matmul(a, b, adjoint_a=adjoint)

    assert _count(function, shape_a, shape_b) == {"BatchMatMulV2": 840}


# dL/da = dy b^T is [5, 3] times [3, 7] and dL/db = a^T dy is [7, 5] times [5, 3]: each 2 * 105.
@pytest.mark.parametrize(("wanted", "products"), [([], 1), ([0], 2), ([1], 2), ([0, 1], 3)])
def test_matmul_gradients_count_only_where_they_are_read(wanted, products):
    function = _loss_and_gradients(tf.matmul, wanted)
    assert _count(function, [5, 7], [7, 3]) == {"MatMul": products * 210}


# Input [2, 8, 8, 3], filter [3, 3, 3, 4], strides 2. SAME gives [2, 4, 4, 4] = 128 outputs; VALID
# (8 - 3) // 2 + 1 = 3 a side, [2, 3, 3, 4] = 72. Each is 3 * 3 * 3 = 27 multiply-adds, so that it
# is 2 * 128 * 27 = 6912 operations and 2 * 72 * 27 = 3888. The gradients pair the same numbers.
@pytest.mark.parametrize(("padding", "operations"), [("SAME", 6912), ("VALID", 3888)])
def test_conv2d_and_both_gradients(padding, operations):
    def convolve(x, w):
        return tf.nn.conv2d(x, w, strides=2, padding=padding)

    shapes = ([2, 8, 8, 3], [3, 3, 3, 4])
    forward = {"Conv2D": operations}
    assert _count(convolve, *shapes) == forward
    assert _count(_loss_and_gradients(convolve, [1]), *shapes) == forward | {
        "Conv2DBackpropFilter": operations
    }
    assert _count(_loss_and_gradients(convolve, [0, 1]), *shapes) == forward | {
        "Conv2DBackpropFilter": operations,
        "Conv2DBackpropInput": operations,
    }


# Two groups: each of the 128 outputs of SAME sees 2 of 4 input channels, 3 * 3 * 2 = 18.
def test_grouped_conv2d():
    def convolve(x, w):
        return tf.nn.conv2d(x, w, strides=2, padding="SAME")

    assert _count(convolve, [2, 8, 8, 4], [3, 3, 2, 4]) == {"Conv2D": 2 * 128 * 18}


# Forward 210 and both gradients inside nested functions, one of them compiled by XLA.
@pytest.mark.parametrize("jit_compile", [None, True])
def test_nested_functions(jit_compile):
    inner = tf.function(tf.matmul, jit_compile=jit_compile)
    outer = tf.function(lambda a, b: inner(a, b) + 1)
    assert _count(outer, [5, 7], [7, 3]) == {"MatMul": 210}
    assert _count(_loss_and_gradients(outer, [0, 1]), [5, 7], [7, 3]) == {"MatMul": 630}
    # The inner backward function makes both gradients; the outer reads one.
    assert _count(_loss_and_gradients(outer, [1]), [5, 7], [7, 3]) == {"MatMul": 420}


def test_unread_results_cost_nothing_inside_and_before_a_call():
    @tf.function
    def inner(a, b):
        return a + 1, b + 1

    def outer(a, b):
        return inner(a, tf.matmul(a, b))[0]

    assert _count(outer, [5, 7], [7, 3]) == {}


def test_side_effects_count():
    total = tf.Variable(tf.zeros([5, 3]))

    @tf.function
    def accumulate(a, b):
        total.assign_add(tf.matmul(a, b))

    def function(a, b):
        accumulate(a, b)

    assert _count(function, [5, 7], [7, 3]) == {"MatMul": 210}


def test_loops_and_branches():
    def loop(a, b):
        for _ in tf.range(3):
            a = tf.matmul(a, b)
        return a

    def branch(a, b):
        return tf.cond(tf.reduce_sum(a) > 0, lambda: tf.matmul(a, b), lambda: a)

    def loop_without_products(a, b):
        for _ in tf.range(3):
            a += 1
        return tf.matmul(a, b)

    for function in (loop, branch):
        with pytest.raises(ValueError, match=r"loop or a branch .* Received: .*\{'MatMul': 686\}"):
            _count(function, [7, 7], [7, 7])
    assert _count(loop_without_products, [7, 7], [7, 7]) == {"MatMul": 2 * 7**3}


def test_unknown_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match=r"static shapes. Received: MatMul .*\(None, 7\)"):
        _count(tf.matmul, [None, 7], [7, 3])
    with pytest.raises(ValueError, match="No rule counts .* Received: Einsum"):
        _count(lambda a, b: tf.einsum("ij,jk->ik", a, b), [5, 7], [7, 3])
