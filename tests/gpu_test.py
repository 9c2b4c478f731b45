"""What a GPU computes in each precision, and that it computes there."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import TOLERANCES, make_batch, make_classifier

from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import XVAT

pytestmark = pytest.mark.gpu

_GPUS = tf.config.list_physical_devices("GPU") if tf.config.get_visible_devices("GPU") else []


def _product(a, b):
    return tf.matmul(a, b)


def _convolution(a, b):
    image, weights = tf.reshape(a, [4, 8, 8, 32]), tf.reshape(b, [3, 3, 32, 16])
    return tf.nn.conv2d(image, weights, strides=1, padding="SAME")


_KERNELS = {
    "product": (_product, (64, 288), (288, 16)),
    "convolution": (_convolution, (256, 32), (288, 16)),
}


# Against float64 on the host. Each result is a sum of 288 products: float32's part of the error is
# below 288 * 2^-24 = 1.7e-5 of the sum of their sizes, and a tenth of that where signs are random.
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("kernel", _KERNELS)
def test_products_are_as_exact_as_their_precision(kernel, precision, jit_compile):
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")
    function, *shapes = _KERNELS[kernel]
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    compiled = tf.function(function, jit_compile=jit_compile, autograph=False)
    found = compiled(tf.constant(a), tf.constant(b)).numpy()
    with tf.device("CPU:0"):
        exact, sizes = (
            function(tf.constant(x), tf.constant(y)).numpy()
            for x, y in ((np.float64(a), np.float64(b)), (np.float64(abs(a)), np.float64(abs(b))))
        )
    error = np.max(np.abs(found - exact) / sizes)
    assert error < TOLERANCES[precision]
    if precision == "tf32" and _has_tf32():
        # It is in use: among a thousand sums some are off by more than float32 could be.
        assert error > TOLERANCES["float32"]


def _has_tf32():
    """Since the GPUs of 2020."""
    details = tf.config.experimental.get_device_details(_GPUS[0]) if _GPUS else {}
    return details.get("compute_capability", (0, 0)) >= (8, 0)


# Two layers, forward and back, pass on what they get: what is logged is off by a few tolerances.
def test_a_step_in_tf32_follows_the_one_in_float32():
    def logs(tf32):
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
        keras.utils.set_random_seed(1)
        method = XVAT(make_classifier(), mask=PerturbationGenerator(seed=0), seed=1)
        method.compile()
        step = tf.function(method.train_step, autograph=False, jit_compile=True)
        return {name: float(value) for name, value in step(make_batch()).items()}

    exact = logs(tf32=False)
    for name, value in logs(tf32=True).items():
        tolerance = 16 * TOLERANCES["tf32"]
        assert value == pytest.approx(exact[name], rel=tolerance, abs=tolerance), name


def test_variables_and_products_stand_on_the_gpu():
    if not _GPUS:
        pytest.skip("there is no GPU")
    classifier = make_classifier()
    assert all("GPU" in variable.value.device for variable in classifier.trainable_variables)
    assert "GPU" in tf.matmul(tf.ones([4, 4]), tf.ones([4, 4])).device
