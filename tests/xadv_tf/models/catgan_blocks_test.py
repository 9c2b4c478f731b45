import keras
import numpy as np

from xadv_tf.models import catgan_blocks


def test_the_slope_below_zero_is_a_tenth():
    # Two values -1 and 1 have mean 0 and variance 1: divided by sqrt(1 + 1e-5), then -1 -> -0.1.
    inputs = keras.Input((1,))
    model = keras.Model(inputs, catgan_blocks.normalized(inputs, synchronized=False))
    outputs = model(np.array([[-1.0], [1.0]], np.float32), training=True)
    scale = (1 + 1e-5) ** -0.5
    np.testing.assert_allclose(outputs, [[-0.1 * scale], [scale]], rtol=1e-6)


def test_a_dense_layer_has_no_bias_and_starts_for_rectifiers():
    layer = catgan_blocks.dense(400, seed=1)
    layer.build((None, 900))
    (kernel,) = layer.weights
    # He et al. 2015: variance 2 / 900. Of 360,000 values the deviation strays by about
    # 1 / sqrt(2 x 360,000) = 0.12 %; a truncated normal strays less.
    np.testing.assert_allclose(np.std(kernel), (2 / 900) ** 0.5, rtol=0.01)
