"""The networks of CatGAN: sizes and the range of the images."""

import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import models


def _count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_number_of_weights():
    # A kernel, a scale and an offset each; the logits have a bias instead.
    widths = [784, 1000, 500, 250, 250, 250]
    hidden = sum(a * b + 2 * b for a, b in zip(widths, widths[1:], strict=False))
    assert _count(models.catgan_mlp()) == hidden + 250 * 10 + 10
    convolutions = [(9 * 3, 96), (9 * 96, 96), (9 * 96, 96), (9 * 96, 192), (9 * 192, 192)]
    convolutions += [(9 * 192, 192), (9 * 192, 192), (192, 192)]
    hidden = sum(a * b + 2 * b for a, b in convolutions)
    assert _count(models.catgan_conv()) == hidden + 192 * 10 + 10
    widths = [128, 500, 500, 1000]
    hidden = sum(a * b + 2 * b for a, b in zip(widths, widths[1:], strict=False))
    assert _count(models.catgan_mlp_generator()) == hidden + 1000 * 784 + 784


def test_the_convolutional_generator():
    model = models.catgan_conv_generator((16, 8, 3), latent=7, seed=1)
    images = model(tf.random.stateless_uniform((4, 7), [1, 2]), training=True)
    assert images.shape == (4, 16, 8, 3)
    assert np.min(images) > -1 and np.max(images) < 1
    first = 7 * 4 * 2 * 192 + 2 * 4 * 2 * 192
    others = 25 * 192 * 96 + 2 * 96 + 25 * 96 * 96 + 2 * 96
    assert _count(model) == first + others + 25 * 96 * 3 + 3


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match=r"at least 12 x 12. Received: input_shape=\(11, 12, 3\)"):
        models.catgan_conv((11, 12, 3))
    with pytest.raises(ValueError, match=r"multiples of 4. Received: image_shape=\(30, 32, 3\)"):
        models.catgan_conv_generator((30, 32, 3))
    with pytest.raises(ValueError, match=r"at least 1. Received: num_classes=0"):
        models.catgan_mlp(num_classes=0)
