import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.layers import NormalizedStage
from xadv_tf.models import ladder_conv, ladder_mlp


def num_trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def stages(model):
    return [layer for layer in model.layers if isinstance(layer, NormalizedStage)]


def test_mlp():
    model = ladder_mlp()
    # Kernels, a bias for each of 2,260 units, a gain for each logit.
    widths = (784, 1000, 500, 250, 250, 250, 10)
    kernels = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    assert num_trainable(model) == kernels + 2260 + 10
    assert [stage.negative_slope for stage in stages(model)] == [0.0] * 5 + [1.0]
    assert [stage.gain for stage in stages(model)] == [False] * 5 + [True]


def test_mlp_equals_its_definition():
    model = ladder_mlp((3, 2, 1), 4, hidden_units=(5,), seed=1)
    x = np.random.default_rng(0).normal(size=(6, 3, 2, 1)).astype("float32")

    def normalized(h):
        return (h - h.mean(0)) / h.std(0)

    hidden, top = (stage.linear.kernel.numpy() for stage in stages(model))
    expected = normalized(np.maximum(normalized(x.reshape(6, 6) @ hidden), 0.0) @ top)
    np.testing.assert_allclose(model(x, training=True), expected, atol=1e-4)


def test_conv_sizes_and_widths():
    model = ladder_conv()
    shapes = [tuple(stage.output.shape[1:]) for stage in stages(model)]
    sizes = (30, 32, 34, 17, 15, 17, 15, 8, 6, 6, 6)
    filters = (96,) * 4 + (192,) * 6 + (10,)
    assert shapes == [*((s, s, f) for s, f in zip(sizes, filters, strict=True)), (10,)]
    slopes = [stage.negative_slope for stage in stages(model)]
    assert slopes == [0.1] * 3 + [1.0] + [0.1] * 3 + [1.0] + [0.1] * 3 + [1.0]
    # Pools have neither weights nor bias, the logits a bias and no gain.
    assert [len(stage.trainable_variables) for stage in stages(model)] == (
        [2] * 3 + [0] + [2] * 3 + [0] + [2] * 3 + [1]
    )


def test_conv_initialiser():
    # U(+-sqrt(3/fan_in)): 1/fan_in is its variance; 166 thousand draws for the 192 by 96 filters.
    kernel = stages(ladder_conv(seed=1))[4].linear.kernel.numpy()
    assert kernel.shape == (3, 3, 96, 192)
    fan_in = 9 * 96
    assert kernel.std() == pytest.approx(fan_in**-0.5, rel=0.01)
    assert np.abs(kernel).max() == pytest.approx((3 / fan_in) ** 0.5, rel=1e-3)


def test_full_convolution_sees_every_overlap():
    # A single bright pixel in the corner reaches all nine places of a full 3x3 convolution.
    model = ladder_conv((11, 11, 1), seed=1)
    padding, full = model.layers[1:3]
    assert isinstance(padding, keras.layers.ZeroPadding2D)
    corner = np.zeros((1, 9, 9, 96), "float32")
    corner[0, 0, 0, 0] = 1.0
    response = full.linear(padding(corner)).numpy()[0]
    kernel = full.linear.kernel.numpy()[:, :, 0]
    assert response.shape == (11, 11, 96)
    np.testing.assert_allclose(response[:3, :3], kernel[::-1, ::-1], atol=1e-6)
    np.testing.assert_array_equal(response[3:], 0.0)


def test_smallest_images():
    assert ladder_conv((11, 11, 3), 4)(tf.zeros((2, 11, 11, 3))).shape == (2, 4)
    with pytest.raises(ValueError, match=r"Received: input_shape=\(10, 32, 3\)"):
        ladder_conv((10, 32, 3))


def test_errors():
    with pytest.raises(ValueError, match=r"Received: num_classes=10, hidden_units=\(5, 0\)"):
        ladder_mlp(hidden_units=(5, 0))
