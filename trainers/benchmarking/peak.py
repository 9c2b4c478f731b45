"""Measures what this machine can reach: the yardstick for the speed of a training step.

A step of training is matrix products and 3x3 convolutions. So the yardstick is the best rate at
which TensorFlow itself does these here, alone and in shapes that suit the machine; it is not the
number on a data sheet.
"""

import dataclasses
import functools
import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import tensorflow as tf

from trainers.benchmarking import flops

DTYPES = ("float32", "bfloat16")
# A shorter timing would measure the clock and Python's call instead.
_SHORTEST_TIMING_SECONDS = 0.02
# A GPU finishes the CPU's shapes in less time than it takes to ask for them: larger matrices there.
_GPU_MATMUL_SIZE = 8192
_MATMUL_SIZE = 2048
# Larger than any cache.
_GPU_COPY_BYTES = 2**30
_COPY_BYTES = 2**28
_BATCH_SIZE = 128
# (height and width, channels): the first two thirds of CNN-13.
_CONVOLUTIONS = ((32, 128), (16, 256))


@dataclasses.dataclass(frozen=True)
class Rate:
    """The fastest observed call of one kernel.

    Attributes:
        kernel: name of the operation with its shape.
        dtype: "float32" or "bfloat16".
        milliseconds: time of one call.
        gflops: 1e9 operations per second, 2 operations a multiply-add.
    """

    kernel: str
    dtype: str
    milliseconds: float
    gflops: float


@dataclasses.dataclass(frozen=True)
class _Kernel:
    name: str
    function: Callable[..., tf.Tensor]
    shapes: Sequence[Sequence[int]]


def measure(dtypes: Iterable[str] = DTYPES, *, seconds_per_dtype: float = 10.0) -> list[Rate]:
    """Rates of a matrix product and of two convolutions with both gradients, for each dtype.

    Measure on a quiet machine: a second process costs these kernels far more than its share.

    Args:
        dtypes: "float32", "bfloat16", or both. TensorFlow may use TF32 for "float32" on a GPU, as
            training does.
        seconds_per_dtype: time to spend on each, about; a slow machine measures fewer kernels in
            it, at least one.

    Returns:
        One rate for each kernel and dtype, in the order measured.

    Raises:
        ValueError: a dtype is unknown or the time is not positive.
    """
    dtypes = list(dtypes)
    if unknown := [dtype for dtype in dtypes if dtype not in DTYPES]:
        raise ValueError(f"dtypes must be among {', '.join(DTYPES)}. Received: dtypes={unknown}")
    if not seconds_per_dtype > 0:
        raise ValueError(
            f"seconds_per_dtype must be positive. Received: seconds_per_dtype={seconds_per_dtype}"
        )
    rates = []
    for dtype in dtypes:
        kernels = _kernels(matmul_size=_GPU_MATMUL_SIZE if _gpus() else _MATMUL_SIZE)
        deadline = time.perf_counter() + seconds_per_dtype
        for i, kernel in enumerate(kernels):
            remaining = deadline - time.perf_counter()
            if i and remaining <= 0:
                break
            rates.append(_rate(kernel, dtype, budget=remaining / (len(kernels) - i)))
    return rates


def measure_copy(*, seconds: float = 1.0) -> float:
    """The rate of a copy that fits no cache, in GB/s: 1e9 bytes read and written per second.

    Args:
        seconds: time to spend, about.
    """
    numbers = tf.zeros([(_GPU_COPY_BYTES if _gpus() else _COPY_BYTES) // 4])
    # A negation, because a copy that changes nothing may be left out.
    call = functools.partial(tf.negative, numbers)
    deadline = time.perf_counter() + seconds
    first = _time_calls(call, calls=1)
    calls = max(1, math.ceil(_SHORTEST_TIMING_SECONDS / first))
    timings = [_time_calls(call, calls=calls)]
    while time.perf_counter() < deadline:
        timings.append(_time_calls(call, calls=calls))
    return 2e-9 * 4 * len(numbers) / min(timings)


def restart_memory() -> int | None:
    """Lets the peak of the GPU's memory be counted anew; without a GPU nothing can be.

    Returns:
        The bytes in use, or None.
    """
    if not (gpus := _gpus()):
        return None
    devices = [f"GPU:{i}" for i in range(len(gpus))]
    for device in devices:
        tf.config.experimental.reset_memory_stats(device)
    info = tf.config.experimental.get_memory_info
    return max(int(info(device)["current"]) for device in devices)


def peak_memory_bytes() -> int:
    """The most memory that was in use at once so far, in bytes.

    With GPUs: what TensorFlow allocated on the fullest of them, since `restart_memory`. Without:
    resident memory of this process, the interpreter and TensorFlow's libraries (about 0.5 GB)
    included. It never falls, so that two programs are compared in two processes.
    """
    if gpus := _gpus():
        info = tf.config.experimental.get_memory_info
        return max(int(info(f"GPU:{i}")["peak"]) for i in range(len(gpus)))
    try:
        with open("/proc/self/status") as status:
            (kilobytes,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
        return int(kilobytes) * 1024
    except (OSError, ValueError):
        # Not Linux, where getrusage would report the parent's memory if that was larger.
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _gpus() -> list[tf.config.LogicalDevice]:
    return list(tf.config.list_logical_devices("GPU"))


def _kernels(
    matmul_size: int,
    batch_size: int = _BATCH_SIZE,
    convolutions: Iterable[tuple[int, int]] = _CONVOLUTIONS,
) -> list[_Kernel]:
    square = [matmul_size, matmul_size]
    kernels = [_Kernel(f"matmul {matmul_size}^3", tf.matmul, [square, square])]
    for size, channels in convolutions:
        image = [batch_size, size, size, channels]
        weights = [3, 3, channels, channels]
        shape = f"{batch_size}x{size}x{size}x{channels}->{channels}"
        kernels += [
            _Kernel(f"conv 3x3 {shape}", _forward, [image, weights]),
            _Kernel("  its input's gradient", _input_gradient, [weights, image]),
            _Kernel("  its filter's gradient", _filter_gradient, [image, image]),
        ]
    return kernels


def _forward(image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    return tf.nn.conv2d(image, weights, strides=1, padding="SAME")


def _input_gradient(weights: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=upstream.shape,
        filter=weights,
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding="SAME",
    )


def _filter_gradient(image: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    channels = image.shape[-1]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=image,
        filter_sizes=[3, 3, channels, channels],
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding="SAME",
    )


def _rate(kernel: _Kernel, dtype: str, *, budget: float) -> Rate:
    """Times one kernel for about `budget` seconds, tracing and the first call included."""
    start = time.perf_counter()
    operands = [
        # Unit variance after the product keeps bfloat16 in range; values do not change the time.
        tf.cast(tf.random.stateless_normal(shape, [i, 1]) / math.sqrt(shape[-1]), dtype)
        for i, shape in enumerate(kernel.shapes)
    ]

    # Arguments, not constants, or the product would be folded away. One element of the result
    # makes the whole product necessary.
    @tf.function
    def run(*args: tf.Tensor) -> tf.Tensor:
        return tf.reshape(kernel.function(*args), [-1])[0]

    operations = sum(flops.count(run.get_concrete_function(*operands)).values())
    seconds = _time_calls(lambda: run(*operands), calls=1)
    calls = max(1, math.ceil(_SHORTEST_TIMING_SECONDS / seconds))
    # The first call prepared the kernel and is no measure; after it at least one must be.
    timings = [_time_calls(lambda: run(*operands), calls=calls)]
    while time.perf_counter() - start + timings[-1] * calls < budget:
        timings.append(_time_calls(lambda: run(*operands), calls=calls))
    return Rate(kernel.name, dtype, 1e3 * min(timings), 1e-9 * operations / min(timings))


def _time_calls(call: Callable[[], tf.Tensor], *, calls: int) -> float:
    """Seconds of one of several calls in a row; a GPU works through them without a pause."""
    start = time.perf_counter()
    for _ in range(calls):
        result = call()
    # Waiting for one element copies nothing else from the device.
    tf.reshape(result, [-1])[0].numpy()
    return (time.perf_counter() - start) / calls
