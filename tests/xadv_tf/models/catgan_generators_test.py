import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import models


def _count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_number_of_weights():
    # A kernel, a scale and an offset each; the last layer has a bias instead.
    widths = [128, 500, 500, 1000]
    hidden = sum(a * b + 2 * b for a, b in zip(widths, widths[1:], strict=False))
    assert _count(models.catgan_mlp_generator()) == hidden + 1000 * 784 + 784


def test_the_dense_generator():
    model = models.catgan_mlp_generator((6, 5, 2), latent=7, hidden_units=(8,), seed=1)
    images = model(tf.random.stateless_uniform((4, 7), [1, 2]), training=True)
    assert images.shape == (4, 6, 5, 2) and images.dtype == tf.float32
    assert np.min(images) > 0 and np.max(images) < 1


def test_the_convolutional_generator():
    model = models.catgan_conv_generator((16, 8, 3), latent=7, seed=1)
    images = model(tf.random.stateless_uniform((4, 7), [1, 2]), training=True)
    assert images.shape == (4, 16, 8, 3) and images.dtype == tf.float32
    assert np.min(images) > -1 and np.max(images) < 1
    assert np.min(images) < 0  # Not in [0, 1]: the default range is symmetric.
    first = 7 * 4 * 2 * 192 + 2 * 4 * 2 * 192
    others = 25 * 192 * 96 + 2 * 96 + 25 * 96 * 96 + 2 * 96
    assert _count(model) == first + others + 25 * 96 * 3 + 3


def test_sides_must_be_multiples_of_4():
    with pytest.raises(ValueError, match=r"multiples of 4. Received: image_shape=\(30, 32, 3\)"):
        models.catgan_conv_generator((30, 32, 3))
