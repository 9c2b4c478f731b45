"""VAdD: which units are flipped, what the mask multiplies, and whom the gradient reaches."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from tests_support import make_batch, make_classifier, make_linear_classifier

from xadv_tf import models
from xadv_tf.methods import VADD
from xadv_tf.methods.vadd import flip


def test_the_flips_that_raise_a_linear_function_the_most():
    # Gains g (1 - 2 m): 3, -5, 4, 1, -2, 2. Of six units delta .4 lets int(2.4) = 2 be flipped: the
    # dropped unit of gradient 4 and the kept one of gradient -3.
    mask = tf.constant([[1.0, 1.0, 0.0, 1.0, 0.0, 1.0]])
    gradient = tf.constant([[-3.0, 5.0, 4.0, -1.0, -2.0, -2.0]])
    np.testing.assert_array_equal(flip(mask, gradient, 0.4), [[0, 1, 1, 1, 0, 1]])
    np.testing.assert_array_equal(flip(mask, gradient, 0.0), mask)
    # Of 90 % only the four that raise it.
    np.testing.assert_array_equal(flip(mask, gradient, 0.9), [[0, 1, 1, 0, 0, 0]])
    # Where nothing changes it nothing is flipped, and 0.29 * 100 = 28.999... is 29 units.
    ones = tf.ones((1, 10, 10))
    np.testing.assert_array_equal(flip(ones, 0.0 * ones, 0.5), ones)
    gains = -tf.reshape(tf.range(1.0, 101.0), (1, 10, 10))
    assert np.sum(flip(ones, gains, 0.29) == 0.0) == 29


def _gradient_in_mask(p, q, units, kernel):
    """dKL(p || q)/dm_i = units_i sum_k kernel_ik (q - p)_k, for q = softmax of (m units) kernel."""
    return units * ((q - p) @ kernel.T)


@pytest.mark.parametrize("layer", ["input", "last_hidden"])
def test_by_hand_on_a_linear_classifier(layer):
    # Without an activation both are linear: logits = (x A m / .7) W, or (x m) A W.
    rng = np.random.default_rng(0)
    a, w = rng.normal(size=(12, 9)) / 12**0.5, rng.normal(size=(9, 3)) / 3
    classifier = keras.Sequential(
        [keras.Input((12,)), *(keras.layers.Dense(n, use_bias=False) for n in (9, 3))]
    )
    classifier.set_weights([a, w])
    method = VADD(classifier, dropout_layer=layer, delta=0.25, initial_dropout=0.3)
    method.compile()
    assert method.backward_passes == 2
    x = rng.normal(size=(4, 12)).astype(np.float32)
    batch = {
        "labeled": {"image": tf.constant(x[:2]), "label": tf.constant([0, 1])},
        "unlabeled": {"image": tf.constant(x)},
    }
    random = method._random_mask(batch["unlabeled"]["image"]).numpy()
    units, kernel, scale = (x, a @ w, 1.0) if layer == "input" else (x @ a, w, 1 / 0.7)
    p = special.softmax(x @ a @ w, axis=1)
    q = special.softmax(scale * (units * random) @ kernel, axis=1)
    gain = _gradient_in_mask(p, q, units, kernel) * (1 - 2 * random)
    mask = random.copy()
    count = 3 if layer == "input" else 2  # At most a quarter of 12 or of 9 units.
    assert 0 < np.min(np.sum(random == 0, axis=1))  # D's gradient is 0 where nothing is dropped.
    for i, row in enumerate(gain):
        for unit in np.argsort(-row)[:count]:
            mask[i, unit] = 1 - mask[i, unit] if row[unit] > 0 else mask[i, unit]
    q = special.softmax(scale * (units * mask) @ kernel, axis=1)
    expected = np.sum(p * np.log(p / q), axis=1)
    received = method.compute_losses(batch)["divergence"]
    np.testing.assert_allclose(received, expected, rtol=1e-4)
    records = {name: float(value) for name, (value, _) in method._traced.records.items()}
    kept = "kept_pixels" if layer == "input" else "kept_units"
    assert records[kept] == pytest.approx(np.mean(mask))
    if layer == "input":
        taken = np.sum((x * (1 - mask)) ** 2, axis=1) / np.sum(x**2, axis=1)
        assert records["perturbation_energy"] == pytest.approx(np.mean(taken), rel=1e-5)


def test_no_gradient_flows_through_target_or_mask():
    # With everything dropped q depends on no weight: what reached W would come through p.
    method = VADD(make_linear_classifier(), dropout_layer="input", delta=0.0)
    method.compile()
    method._random_mask = lambda image: tf.zeros((8, 6, 6, 1))
    kernel = method.classifier.trainable_variables[0].value
    with tf.GradientTape() as tape:
        terms = method.compute_losses(make_batch())
        loss = tf.reduce_sum(terms["divergence"])
    assert float(loss) > 1e-3
    np.testing.assert_array_equal(tape.gradient(loss, kernel), np.zeros(kernel.shape))


def test_the_adversary_beats_a_random_mask_and_keeps_within_delta():
    for layer, units in (("input", 36), ("last_hidden", 16)):
        divergence = {}
        for delta in (0.0, 0.2):
            keras.utils.set_random_seed(1)
            method = VADD(make_classifier(), dropout_layer=layer, delta=delta)
            method.compile()
            divergence[delta] = np.mean(method.compute_losses(make_batch())["divergence"])
            image = make_batch()["unlabeled"]["image"]
            if not delta:
                assert method.backward_passes == 1
                random = method._random_mask(image)
                # 8 x units draws of deviation 1/2.
                assert np.mean(random) == pytest.approx(0.5, abs=4 * 0.5 / (8 * units) ** 0.5)
        assert divergence[0.2] > 1.2 * divergence[0.0]


def test_the_mask_shares_the_classifiers_layers_and_its_noise_in_front():
    # With all units kept and none scaled the masked pass is the clean one, dropout included.
    classifier = models.mlp((6, 6, 1), 3, hidden_units=(8, 7), dropout_rate=0.5)
    method = VADD(classifier, initial_dropout=0.0, delta=0.0)
    method.compile()
    image = tf.random.stateless_normal((5, 6, 6, 1), [1, 2])
    masked = method.forward([image, tf.ones((5, 7))], "a", model=method.masked_classifier)
    np.testing.assert_allclose(masked, method.forward(image, "a"), rtol=1e-5, atol=1e-6)
    ours = {id(variable) for variable in method.masked_classifier.trainable_variables}
    assert ours == {id(variable) for variable in classifier.trainable_variables}


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 4)))


def test_a_classifier_without_a_last_hidden_layer_is_refused_unless_pixels_are_dropped():
    with pytest.raises(ValueError, match=r"below the last layer: .*Received: Subclassed"):
        VADD(Subclassed()).check_classifier((None, 4))
    VADD(Subclassed(), dropout_layer="input").check_classifier((None, 4))
    flexible = keras.Sequential(
        [keras.Input((None, 4)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(3)]
    )
    with pytest.raises(ValueError, match=r"counted.*Received: input of shape \(None, 4\)"):
        VADD(flexible, dropout_layer="input").check_classifier((None, None, 4))


@pytest.mark.parametrize(
    "wrong",
    [{"dropout_layer": "output"}, {"delta": 1.0}, {"initial_dropout": -0.1}],
    ids=str,
)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        VADD(make_classifier(), **wrong)
