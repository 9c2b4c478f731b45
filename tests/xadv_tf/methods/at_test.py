"""AT on a linear model, whose gradients can be worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import NUM_CLASSES, gradient_of_term, make_batch, make_linear_classifier

from xadv_tf.methods import AT


def _flat(image):
    return np.reshape(image, (len(image), -1)).astype("float64")


def _softmax(logits):
    return np.exp(logits) / np.sum(np.exp(logits), axis=1, keepdims=True)


def _by_hand(method, batch):
    """x, r, p(x), p(x + r) and the labels one-hot; d CE / dx = W (p - y)."""
    kernel = method.classifier.trainable_variables[0].numpy().astype("float64")
    x, y = _flat(batch["labeled"]["image"]), np.eye(NUM_CLASSES)[batch["labeled"]["label"]]
    gradient = (_softmax(x @ kernel) - y) @ kernel.T
    if method.norm == "linf":
        r = method.epsilon * np.sign(gradient)
    else:
        r = method.epsilon * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    return x, r, _softmax(x @ kernel), _softmax((x + r) @ kernel), y


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_losses_and_perturbation_by_hand(norm):
    method = AT(make_linear_classifier(), epsilon=0.3, norm=norm)
    batch = make_batch()
    _, r, clean, adversarial, y = _by_hand(method, batch)
    terms = method.compute_losses(batch)
    for term, p in (("cross_entropy", clean), ("adversarial_cross_entropy", adversarial)):
        np.testing.assert_allclose(terms[term], -np.log(np.sum(p * y, axis=1)), rtol=1e-4)
    taken = np.mean(np.sum(r**2, axis=1) / np.sum(_flat(batch["labeled"]["image"]) ** 2, axis=1))
    assert float(method._traced.records["perturbation_energy"][0]) == pytest.approx(taken, rel=1e-4)
    image, label = (batch["labeled"][key] for key in ("image", "label"))
    shown = method.perturb(image, label)
    np.testing.assert_allclose(_flat(shown["perturbation"]), r, atol=1e-5)
    np.testing.assert_array_equal(shown["x_adv"], image + shown["perturbation"])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_gradient_flows_through_the_perturbation(norm):
    # With r held fixed the gradient of CE(x + r) in W is (x + r)^T (p(x + r) - y). Differentiated
    # along, the direction of the L2 step would add to it; the signs of the other have none.
    method = AT(make_linear_classifier(), epsilon=2.0, norm=norm)
    batch = make_batch()
    x, r, _, adversarial, y = _by_hand(method, batch)
    (gradient,) = gradient_of_term(method, batch, "adversarial_cross_entropy")
    np.testing.assert_allclose(gradient, (x + r).T @ (adversarial - y), rtol=1e-3, atol=1e-4)


def test_each_term_has_its_own_weight():
    method = AT(make_linear_classifier(), clean_weight=0.25, adversarial_weight=2.0)
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    logs = method.train_step(make_batch())
    expected = 0.25 * logs["cross_entropy"] + 2.0 * logs["adversarial_cross_entropy"]
    assert float(logs["objective"]) == pytest.approx(float(expected), rel=1e-5)
    # Goodfellow et al. 2015, eq. in section 6: alpha = 1/2.
    halves = {"cross_entropy": 0.5, "adversarial_cross_entropy": 0.5}
    assert AT(make_linear_classifier()).loss_weights == halves


def test_perturb_is_in_inference_mode():
    layers = [keras.layers.Input((6, 6, 2)), keras.layers.Dropout(0.5), keras.layers.Flatten()]
    method = AT(keras.Sequential([*layers, keras.layers.Dense(NUM_CLASSES)]), norm="l2")
    image, label = tf.ones((4, 6, 6, 2)), tf.range(4) % NUM_CLASSES
    one, other = (method.perturb(image, label)["perturbation"] for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "wrong", [*({"epsilon": value} for value in (-1.0, np.nan, np.inf)), {"norm": "l1"}], ids=str
)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        AT(make_linear_classifier(), **wrong)
