import numpy as np
import pytest

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


def test_sides_of_the_maps():
    model = models.catgan_conv(filters=(2, 3))
    sides = [layer.output.shape[1] for layer in model.layers if "conv" in layer.name]
    # Pooled after three and after six; the seventh is not padded.
    assert sides == [32, 32, 32, 16, 16, 16, 6, 6, 6]


def test_noise_on_the_images_and_on_what_follows():
    make = models.catgan_mlp
    model = make((6, 6, 1), 3, hidden_units=(5, 4), input_noise=0.2, hidden_noise=0.7)
    noises = [layer.stddev for layer in model.layers if "noise" in layer.name]
    assert noises == [0.2, 0.7, 0.7]
    model = models.catgan_conv((12, 12, 1), 3, filters=(2, 2), input_noise=0.2, hidden_noise=0.7)
    noises = [layer.stddev for layer in model.layers if "noise" in layer.name]
    assert noises == [0.2, 0.7, 0.7]


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match=r"at least 12 x 12. Received: input_shape=\(11, 12, 3\)"):
        models.catgan_conv((11, 12, 3))
    with pytest.raises(ValueError, match=r"at least 1. Received: num_classes=0"):
        models.catgan_mlp(num_classes=0)
