"""What all models have in common: logits in float32, under every mode of execution."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import models

# The smallest of each kind; without dropout, whose noise XLA draws by another algorithm.
SMALL = {
    "mlp": {"input_shape": (6, 6, 1), "hidden_units": (8, 7)},
    "mlp_supervised": {"input_shape": (6, 6, 1)},
    "mnist_cnn": {"input_shape": (8, 8, 1)},
    "conv_large": {"input_shape": (12, 12, 3), "dropout_rate": 0.0},
    "wide_resnet": {"input_shape": (8, 8, 3), "depth": 10, "width": 2},
}


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def build(name):
    return models.get(name)(num_classes=4, seed=1, **SMALL[name])


def loss_and_gradients(model, x, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def step(x):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_mean(tf.square(logits - 1.0))
        return logits, loss, tape.gradient(loss, model.trainable_variables)

    return step(x)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"], indirect=True)
@pytest.mark.parametrize("name", SMALL)
def test_graph_and_xla_agree(name, policy):
    x = tf.random.stateless_normal((6, *SMALL[name]["input_shape"]), [1, 2])
    graph_logits, graph_loss, graph = loss_and_gradients(build(name), x, jit_compile=False)
    xla_logits, xla_loss, xla = loss_and_gradients(build(name), x, jit_compile=True)
    assert graph_logits.dtype == xla_logits.dtype == tf.float32
    assert graph_logits.shape == (6, 4)
    exact = policy == "float32"
    np.testing.assert_allclose(graph_loss, xla_loss, rtol=1e-4 if exact else 5e-2)
    norm = tf.linalg.global_norm(graph)
    difference = tf.linalg.global_norm([a - b for a, b in zip(graph, xla, strict=True)])
    # bfloat16 has 8 bits: two orders of summation part at 2^-9 per layer, and more where a batch
    # of 6 is normalised.
    assert difference < (1e-3 if exact else 0.2) * norm
    assert all(tf.reduce_max(tf.abs(g)) > 0.0 for g in graph)
    assert {v.dtype for v in graph} == {tf.float32}


@pytest.mark.parametrize("name", SMALL)
def test_saved_model_is_the_same(name, tmp_path):
    model = build(name)
    x = tf.random.stateless_normal((5, *SMALL[name]["input_shape"]), [1, 2])
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("name", SMALL)
def test_seed_fixes_the_weights(name):
    first, again = build(name), build(name)
    for a, b in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [v for v in first.trainable_variables if v.name == "kernel"]
    other = models.get(name)(num_classes=4, seed=2, **SMALL[name])
    others = [v for v in other.trainable_variables if v.name == "kernel"]
    assert all(np.any(np.array(a) != np.array(b)) for a, b in zip(kernels, others, strict=True))


def test_get():
    assert models.get("conv_large") is models.conv_large
    with pytest.raises(ValueError, match=r"model must be one of .*'mlp'.* Received: 'cnn9'"):
        models.get("cnn9")
