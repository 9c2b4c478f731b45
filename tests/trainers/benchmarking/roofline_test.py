import pytest
import tensorflow as tf

from trainers.benchmarking import roofline


def _floor(function, *shapes, dtype=tf.float32, gflops=1e-9, gigabytes=1e-9):
    """By default an operation, and a byte, takes a second."""
    specs = [tf.TensorSpec(shape, dtype) for shape in shapes]
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    return roofline.floor(concrete, gflops=gflops, gigabytes=gigabytes)


# [5, 7] times [7, 3]: 210 operations; 35 + 21 + 15 = 71 numbers.
@pytest.mark.parametrize(
    ("dtype", "gflops", "seconds"),
    [(tf.float32, 1e-9, 4 * 71), (tf.bfloat16, 1e-9, 210), (tf.float32, 0.5e-9, 420)],
)
def test_a_product_is_bound_by_the_slower_of_both(dtype, gflops, seconds):
    found = _floor(tf.matmul, [5, 7], [7, 3], dtype=dtype, gflops=gflops)
    assert found.milliseconds == pytest.approx(1e3 * seconds)
    assert found.gigabytes == pytest.approx(1e-9 * dtype.size * 71)


def test_products_are_bound_each_by_its_own():
    # [2, 50] times [50, 2]: 400 operations and 204 numbers, 816 bytes. [50, 1] times [1, 50]: 5,000
    # and 10,400. At 0.4 operations and 1 byte a second: 1,000 s by operations, 12,500 likewise; at
    # 0.485 the second waits for its bytes, longer than for its operations, 10,309 s.
    def both(a, b, c, d):
        return tf.matmul(a, b), tf.matmul(c, d)

    shapes = ([2, 50], [50, 2], [50, 1], [1, 50])
    found = _floor(both, *shapes, gflops=0.4e-9)
    assert found.milliseconds == pytest.approx(1e3 * (1_000 + 12_500))
    found = _floor(both, *shapes, gflops=0.485e-9)
    assert found.milliseconds == pytest.approx(1e3 * (400 / 0.485 + 10_400))


def _normalized(x, training):
    one = tf.ones([3])
    none = tf.zeros([0]) if training else one
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=one, offset=one, mean=none, variance=none, is_training=training
    ).y


# 2 * 4 * 4 * 3 = 96 numbers of 4 bytes.
@pytest.mark.parametrize(("training", "passes"), [(True, 3), (False, 2)])
def test_a_normalization_reads_its_input_before_it_writes(training, passes):
    found = _floor(lambda x: _normalized(x, training), [2, 4, 4, 3])
    assert found.milliseconds == pytest.approx(1e3 * passes * 96 * 4)


def test_a_normalization_and_its_gradient():
    def function(x, weight):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.leaky_relu(_normalized(x, True)) * weight
        return tape.gradient(y, x)

    found = _floor(function, [2, 4, 4, 3], [2, 4, 4, 3])
    assert found.gigabytes == pytest.approx(1e-9 * (3 + 5) * 96 * 4)


def test_an_update_of_adam_moves_seven_arrays():
    variables = [tf.Variable(tf.zeros([10])) for _ in range(3)]

    def function(gradient):
        number = tf.constant(0.5)
        tf.raw_ops.ResourceApplyAdam(
            **dict(zip(("var", "m", "v"), (v.handle for v in variables), strict=True)),
            **dict.fromkeys(("beta1_power", "beta2_power", "lr", "beta1", "beta2"), number),
            epsilon=number,
            grad=gradient,
        )
        return number

    assert _floor(function, [10]).gigabytes == pytest.approx(1e-9 * 7 * 10 * 4)


def test_shapes_must_be_known():
    with pytest.raises(ValueError, match="static shapes"):
        _floor(tf.matmul, [None, 7], [7, 3])
