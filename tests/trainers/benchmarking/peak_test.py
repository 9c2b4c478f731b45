import mmap
import pathlib

import pytest
import tensorflow as tf

from trainers.benchmarking import peak


@pytest.fixture
def small_kernels(monkeypatch):
    kernels = peak._kernels(matmul_size=64, batch_size=2, convolutions=[(8, 4)])
    monkeypatch.setattr(peak, "_kernels", lambda matmul_size: kernels)


# 2 * 64^3 = 524288 operations. 2 * 8 * 8 * 4 = 512 outputs of 3 * 3 * 4 = 36 multiply-adds each:
# 36864 operations, and as many for either gradient.
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rates_are_operations_over_time(small_kernels, dtype):
    rates = peak.measure([dtype], seconds_per_dtype=1.0)
    assert [rate.kernel.split()[0] for rate in rates] == ["matmul", "conv", "its", "its"]
    for rate, operations in zip(rates, [524288, 36864, 36864, 36864], strict=True):
        assert rate.dtype == dtype
        assert rate.milliseconds > 0
        assert rate.gflops * rate.milliseconds * 1e6 == pytest.approx(operations, rel=1e-9)


# The kernels must be the products that they are named after: the gradients of sum(y * upstream),
# as automatic differentiation gives them.
def test_kernels_are_a_convolution_and_its_gradients():
    _, forward, input_gradient, filter_gradient = peak._kernels(
        matmul_size=8, batch_size=2, convolutions=[(5, 3)]
    )
    image = tf.random.stateless_normal(forward.shapes[0], [1, 1])
    weights = tf.random.stateless_normal(forward.shapes[1], [1, 2])
    upstream = tf.random.stateless_normal(forward.shapes[0], [1, 3])
    with tf.GradientTape() as tape:
        tape.watch([image, weights])
        loss = tf.reduce_sum(forward.function(image, weights) * upstream)
    expected = tape.gradient(loss, [image, weights])
    tf.debugging.assert_near(input_gradient.function(weights, upstream), expected[0], atol=1e-5)
    tf.debugging.assert_near(filter_gradient.function(image, upstream), expected[1], atol=1e-4)


def test_a_copy_reads_and_writes_each_number(monkeypatch):
    # 2^20 bytes read and written in 1 ms are 2^21 bytes: 2.097 GB/s.
    monkeypatch.setattr(peak, "_COPY_BYTES", 2**20)
    monkeypatch.setattr(peak, "_GPU_COPY_BYTES", 2**20)
    monkeypatch.setattr(peak, "_time_calls", lambda call, calls: 1e-3 if len(call()) else 0.0)
    assert peak.measure_copy(seconds=1e-9) == pytest.approx(2.097152)


def test_time_is_bounded_and_one_kernel_always_measured(small_kernels):
    rates = peak.measure(["float32"], seconds_per_dtype=1e-9)
    assert [rate.kernel for rate in rates] == ["matmul 64^3"]


def test_peak_memory_is_this_process_in_bytes():
    used = peak.peak_memory_bytes()
    assert 50e6 < used < 1e12  # TensorFlow alone is more than 50 MB, and 50 MB in kB are 50e3
    resident = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    # 100 MB more than ever: what was freed before may be taken again without a rise.
    held = b"x" * (used - resident + 100_000_000)
    assert peak.peak_memory_bytes() > used + 50_000_000, len(held)


def test_errors():
    with pytest.raises(ValueError, match=r"dtypes must be among .* Received: dtypes=\['int8'\]"):
        peak.measure(["int8"])
    with pytest.raises(ValueError, match=r"must be positive. Received: seconds_per_dtype=0"):
        peak.measure(seconds_per_dtype=0)
