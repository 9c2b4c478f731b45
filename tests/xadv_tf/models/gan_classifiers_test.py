import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import models
from xadv_tf.methods import FeatureMatchingGAN


def _count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_number_of_weights():
    # A direction and a bias each; the scale is trained in the last layer alone.
    widths = [784, 1000, 500, 250, 250, 250, 10]
    pairs = list(zip(widths, widths[1:], strict=False))
    assert _count(models.gan_mlp()) == sum(a * b + b for a, b in pairs) + 10
    for make, n, m in ((models.gan_conv, 96, 192), (models.gan_conv_svhn, 64, 128)):
        convolutions = [(9 * a, b) for a, b in [(3, n), (n, n), (n, n), (n, m)] + [(m, m)] * 3]
        convolutions += [(m, m), (m, m), (m, 10)]
        model = make()
        assert _count(model) == sum(a * b + b for a, b in convolutions) + 10
        sides = [layer.output.shape[1] for layer in model.layers if "conv" in layer.name]
        assert sides == [32, 32, 16, 16, 16, 8, 6, 6, 6]


def test_data_initialisation_gives_each_unit_its_deviation():
    rng = np.random.default_rng(0)
    image = tf.constant(rng.uniform(-1, 1, size=(500, 9, 9, 1)), tf.float32)
    classifier = models.gan_conv((9, 9, 1), 3, filters=(4, 6), input_dropout=0.0, dropout_rate=0.0)
    generator = models.gan_mlp_generator((9, 9, 1), hidden_units=(4,))
    method = FeatureMatchingGAN(classifier, generator=generator)
    method.build((None, 9, 9, 1))
    method.initialize([{"labeled": {}, "unlabeled": {"image": image}}])
    for name, deviation in (("weight_norm_conv2d", 1.0), ("logits", 0.1)):
        layer = next(layer for layer in classifier.layers if layer.name.startswith(name))
        outputs = keras.Model(classifier.inputs, layer.output)(image)
        axes = tuple(range(len(outputs.shape) - 1))
        np.testing.assert_allclose(np.std(outputs, axes), deviation, rtol=1e-3)
        np.testing.assert_allclose(np.mean(outputs, axes), 0.0, atol=1e-3)


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match=r"at least 9 x 9. Received: input_shape=\(8, 9, 3\)"):
        models.gan_conv((8, 9, 3))
    with pytest.raises(ValueError, match=r"at least 1. Received: num_classes=10, hidden_units="):
        models.gan_mlp(hidden_units=(0,))
