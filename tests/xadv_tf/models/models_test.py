"""What all models have in common: logits in float32, under every mode of execution."""

import itertools

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
    "conv_large_weight_norm": {
        "input_shape": (12, 12, 3),
        "dropout_rate": 0.0,
        "input_noise": 0.0,
    },
    "ladder_mlp": {"input_shape": (6, 6, 1), "hidden_units": (8, 7)},
    "ladder_conv": {"input_shape": (11, 11, 3)},
    "catgan_mlp": {
        "input_shape": (6, 6, 1),
        "hidden_units": (8, 7),
        "input_noise": 0.0,
        "hidden_noise": 0.0,
    },
    "catgan_conv": {
        "input_shape": (12, 12, 3),
        "filters": (4, 6),
        "input_noise": 0.0,
        "hidden_noise": 0.0,
    },
    "gan_mlp": {
        "input_shape": (6, 6, 1),
        "hidden_units": (8, 7),
        "input_noise": 0.0,
        "hidden_noise": 0.0,
    },
    "gan_conv": {
        "input_shape": (9, 9, 3),
        "filters": (4, 6),
        "input_dropout": 0.0,
        "dropout_rate": 0.0,
    },
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


def logits_and_gradients(model, x, upstream, jit_compile):
    @tf.function(autograph=False, jit_compile=jit_compile)
    def step(x, upstream):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
        return logits, tape.gradient(logits, model.trainable_variables, upstream)

    return step(x, upstream)


# Compiling costs far more than the step: of each kind of layer one network, the others are slow.
_EXAMPLES = (
    ("mlp", "float32"),
    ("mnist_cnn", "mixed_bfloat16"),
    ("ladder_mlp", "float32"),
    ("catgan_mlp", "float32"),
    ("gan_mlp", "mixed_bfloat16"),
    ("wide_resnet", "float32"),
)


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        pytest.param(*pair, marks=() if pair in _EXAMPLES else pytest.mark.slow)
        for pair in itertools.product(SMALL, ["float32", "mixed_bfloat16"])
    ],
    indirect=["policy"],
)
def test_graph_and_xla_agree(name, policy):
    x = tf.random.stateless_normal((8, *SMALL[name]["input_shape"]), [1, 2])
    upstream = tf.random.stateless_normal((8, 4), [3, 4])
    graph_logits, graph = logits_and_gradients(build(name), x, upstream, jit_compile=False)
    xla_logits, xla = logits_and_gradients(build(name), x, upstream, jit_compile=True)
    assert graph_logits.dtype == xla_logits.dtype == tf.float32
    assert graph_logits.shape == (8, 4)
    assert {gradient.dtype for gradient in graph} == {tf.float32}
    assert all(tf.reduce_max(tf.abs(gradient)) > 0.0 for gradient in graph)

    def distance(first, second):
        difference = [a - b for a, b in zip(first, second, strict=True)]
        return tf.linalg.global_norm(difference) / tf.linalg.global_norm(first)

    # bfloat16 rounds by up to 2^-9 a layer, 1 to 3 % of the logits after nine. That carries as
    # large a share p of the units across the ReLU's kink, and each changes its gradient by about
    # its size: sqrt(p), 10 to 20 % a layer, of the gradient's norm.
    exact = policy == "float32"
    assert distance([graph_logits], [xla_logits]) < (1e-4 if exact else 0.06)
    assert distance(graph, xla) < (1e-3 if exact else 0.6)


# Keras itself hands its variables to NumPy by a deprecated way.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
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
    assert all(np.any(a.numpy() != b.numpy()) for a, b in zip(kernels, others, strict=True))


def test_get():
    assert models.get("conv_large") is models.conv_large
    with pytest.raises(ValueError, match=r"model must be one of .*'mlp'.* Received: model='cnn9'"):
        models.get("cnn9")


def test_normalized_models_can_be_synchronized():
    for name in models.MODELS:
        has_statistics = name in models.NORMALIZED
        if has_statistics and "wide_resnet" not in name:  # A deep network says nothing more here.
            model = models.get(name)(input_shape=(32, 32, 3), synchronized=True)
            assert any(getattr(layer, "synchronized", False) for layer in model.layers)
    assert not {"mnist_cnn", "gan_mlp", "gan_conv", "gan_conv_svhn"} & models.NORMALIZED
