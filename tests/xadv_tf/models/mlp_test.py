import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.models import mlp, mlp_supervised


def num_trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_num_parameters():
    # 784*1200 + 1200*1200 + 1200*10 + 10: no bias before a normaliser, none affine.
    assert num_trainable(mlp()) == 2_392_810
    assert num_trainable(mlp_supervised()) == (
        784 * 1200 + 1200 * 600 + 600 * 300 + 300 * 150 + 150 * 10 + 10
    )
    # A normaliser on the logits takes the last bias away; without any, each layer has one.
    assert num_trainable(mlp(top_batch_norm=True)) == 2_392_800
    assert num_trainable(mlp(batch_norm=False)) == 2_392_810 + 2 * 1200


def test_equals_its_definition():
    model = mlp((3, 2, 1), 4, hidden_units=(5,), seed=1)
    x = np.random.default_rng(0).normal(size=(6, 3, 2, 1)).astype("float32")
    hidden_kernel, kernel, bias = [v.numpy() for v in model.trainable_variables]
    assert hidden_kernel.shape == (6, 5) and kernel.shape == (5, 4) and bias.shape == (4,)
    np.testing.assert_array_equal(bias, 0.0)
    hidden = x.reshape(6, 6) @ hidden_kernel
    hidden = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)
    expected = np.maximum(hidden, 0.0) @ kernel
    np.testing.assert_allclose(model(x, training=True), expected, atol=1e-5)


def test_top_batch_norm_normalises_the_logits():
    model = mlp((4,), 3, hidden_units=(8,), top_batch_norm=True, seed=1)
    logits = model(tf.random.stateless_normal((50, 4), [1, 2]), training=True)
    np.testing.assert_allclose(np.mean(logits, 0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.var(logits, 0), 1.0, atol=1e-3)


def test_input_dropout_is_of_the_image_and_of_training():
    # Without a hidden layer's noise the first kernel sees x m / (1 - .75), m of mean .25.
    model = mlp((400,), 3, hidden_units=(), input_dropout=0.75, seed=1)
    model.layers[-1].set_weights([np.eye(400, 3), np.zeros(3)])
    ones = np.ones((500, 400), np.float32)
    np.testing.assert_array_equal(model(ones), np.ones((500, 3)))
    seen = model(ones, training=True).numpy()
    assert set(np.unique(seen)) == {0.0, 4.0}
    # 1,500 draws of deviation 4 sqrt(.25 .75) = 1.73.
    assert np.mean(seen) == pytest.approx(1.0, abs=4 * 1.73 / 1500**0.5)


def test_default_initialiser():
    # N(0, 1/fan_in): 1.44 million draws, relative error of the deviation 6e-4.
    kernel = mlp(seed=1).trainable_variables[1].numpy()
    assert kernel.std() == pytest.approx(1200**-0.5, rel=5e-3)


def test_errors():
    with pytest.raises(ValueError, match=r"Received: num_classes=10, hidden_units=\(5, 0\)"):
        mlp(hidden_units=(5, 0))
