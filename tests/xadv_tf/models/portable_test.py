import keras
import numpy as np
import pytest

from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.models import (
    conv_large,
    conv_large_weight_norm,
    ladder_conv,
    ladder_mlp,
    mlp,
    mnist_cnn,
    portable,
    wide_resnet,
)


@keras.saving.register_keras_serializable(package="test")
class _Double(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def _at_random(model):
    """Weights as training might leave them: no statistic, scale or offset at its neutral value."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: mlp(hidden_units=(20, 10), top_batch_norm=True), (28, 28, 1)),
        (lambda: wide_resnet(input_shape=(8, 8, 3), depth=10, width=1), (8, 8, 3)),
        (lambda: conv_large_weight_norm(input_shape=(32, 32, 3)), (32, 32, 3)),
        (mnist_cnn, (28, 28, 1)),
        (lambda: ladder_mlp(hidden_units=(20, 10)), (28, 28, 1)),
        (lambda: ladder_conv(input_shape=(12, 12, 3)), (12, 12, 3)),
        (
            # A model around another.
            lambda: keras.Sequential(
                [keras.Input((28, 28, 1)), mlp(hidden_units=(5,)), keras.layers.Dense(3)]
            ),
            (28, 28, 1),
        ),
    ],
)
def test_the_copy_gives_the_same_logits_and_needs_keras_alone(build, shape):
    model = _at_random(build())
    copy = portable.with_stock_layers(model)
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (3, *shape)).astype(np.float32)
    # Large logits, of sums of up to 784 products, each scaled by rsqrt(variance) in another order.
    np.testing.assert_allclose(copy(x), model(x), rtol=1e-4)
    assert portable.custom_objects(copy) == []
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]


def test_the_copy_has_weights_of_its_own():
    model = _at_random(mlp(hidden_units=(4,)))
    copy = portable.with_stock_layers(model)
    before = [w.copy() for w in model.get_weights()]
    copy.set_weights([0 * w for w in copy.get_weights()])
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_settings_and_precision_are_kept():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = conv_large(input_shape=(32, 32, 3))
        copy = portable.with_stock_layers(model)
    finally:
        keras.config.set_dtype_policy("float32")
    ours = [layer for layer in model.layers if isinstance(layer, BatchNormalization)]
    stock = [x for x in copy.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(stock) == len(ours) > 0
    for layer, other in zip(ours, stock, strict=True):
        assert (other.epsilon, other.momentum) == (layer.epsilon, layer.momentum)
        assert other.compute_dtype == "bfloat16"
        assert other.moving_mean.dtype == "float32"
        assert other.gamma is None and other.beta is None


def test_what_keras_cannot_replace_is_named():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(_Double()(inputs)))
    assert portable.custom_objects(portable.with_stock_layers(model)) == ["test>_Double"]
    own = mlp(hidden_units=(4,))
    assert portable.custom_objects(own) == ["xadv_tf>BatchNormalization"]


def test_a_model_of_a_class_of_its_own_stays_as_it_is():
    class Subclassed(keras.Model):
        def __init__(self, units, size):
            super().__init__()
            self.dense = keras.layers.Dense(units * size)

        def call(self, x):
            return self.dense(x)

    model = Subclassed(2, 3)
    model(np.zeros((1, 4), np.float32))
    assert portable.with_stock_layers(model) is model
