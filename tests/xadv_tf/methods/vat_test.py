"""VAT on a linear model, where the Hessian of the divergence is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch

from xadv_tf import divergences, noise
from xadv_tf.methods import VAT

# Logits W x. At x the Hessian of KL(p(x) || p(x + r)) in r is W^T (diag(p) - p p^T) W.
W = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]])
X = np.array([0.3, -0.2])


def _linear():
    classifier = keras.Sequential(
        [keras.layers.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    classifier.set_weights([W.T, np.zeros(3)])
    return classifier


def _hessian():
    p = np.exp(W @ X) / np.sum(np.exp(W @ X))
    return W.T @ (np.diag(p) - np.outer(p, p)) @ W


def _perturb(method, x=X):
    image = tf.constant(np.reshape(x, (1, 1, 2, 1)), tf.float32)
    r = method.perturb(image)["perturbation"]
    divergence = divergences.kl_divergence(method(image), method(image + r))
    return r.numpy().ravel(), float(divergence[0])


def test_hessian_of_the_example():
    np.testing.assert_allclose(np.linalg.eigvalsh(_hessian()), [0.609421, 1.342081], atol=1e-6)


def test_one_power_iteration_by_hand(monkeypatch):
    # From d0 along (1, 1) one iteration gives H d0 normalised: (.57013, .82155).
    monkeypatch.setattr(noise, "normal", lambda shape, seed: tf.ones(shape))
    method = VAT(_linear(), epsilon=0.01, xi=1e-2, num_power_iterations=1)
    direction = _hessian() @ np.ones(2)
    direction /= np.linalg.norm(direction)
    np.testing.assert_allclose(direction, [0.57013, 0.82155], atol=1e-5)
    r, divergence = _perturb(method)
    # xi = 1e-2 instead of an infinitesimal step bends the direction by about as much.
    np.testing.assert_allclose(r, 0.01 * direction, atol=1e-4)
    # 1/2 r^T H r = 6.611e-5; float32 logits leave about 1 % of it.
    assert divergence == pytest.approx(6.6109e-5, rel=2e-2)


def test_many_iterations_find_the_top_eigenvector(monkeypatch):
    monkeypatch.setattr(noise, "normal", lambda shape, seed: tf.ones(shape))
    r, divergence = _perturb(VAT(_linear(), epsilon=0.01, xi=1e-2, num_power_iterations=20))
    top = np.linalg.eigh(_hessian())[1][:, -1]
    assert abs(r @ top) == pytest.approx(0.01, rel=1e-3)
    assert divergence == pytest.approx(6.7074e-5, rel=2e-2)


def test_perturbation_has_length_epsilon_and_beats_a_random_one():
    # Averaged over directions the power iteration gains on the random start (K = 0).
    x = np.random.default_rng(0).normal(size=(200, 1, 2, 1))
    image = tf.constant(x, tf.float32)
    divergence = {}
    for iterations in (0, 1):
        method = VAT(_linear(), epsilon=0.5, num_power_iterations=iterations)
        r = method.perturb(image)["perturbation"]
        np.testing.assert_allclose(
            np.linalg.norm(r.numpy().reshape(200, 2), axis=1), 0.5, rtol=1e-5
        )
        divergence[iterations] = divergences.kl_divergence(method(image), method(image + r))
        assert np.all(divergence[iterations] >= 0)
    assert np.mean(divergence[1]) > 1.1 * np.mean(divergence[0])


def test_without_a_power_iteration_it_is_noise_of_length_epsilon():
    # Whatever the classifier, r is the drawn direction, and takes no pass: energy .5^2 / ||x||^2.
    method = VAT(_linear(), epsilon=0.5, num_power_iterations=0)
    method.compile()
    assert method.backward_passes == 1
    image = tf.constant([[[[3.0], [4.0]]], [[[0.6], [0.8]]]])
    batch = {"labeled": {"image": image, "label": tf.zeros(2, tf.int32)}}
    batch["unlabeled"] = {"image": image + 0.0}
    direction = noise.normal(image.shape, method.noise_seed("direction")).numpy().reshape(2, 2)
    r = 0.5 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    expected = divergences.kl_divergence(
        method.classifier(image), method.classifier(image + r.reshape(image.shape))
    )
    np.testing.assert_allclose(method.compute_losses(batch)["divergence"], expected, rtol=1e-4)
    logs = method.train_step(batch)
    assert float(logs["perturbation_energy"]) == pytest.approx((0.25 / 25 + 0.25) / 2, rel=1e-5)


def test_no_gradient_flows_through_target_or_perturbation():
    # With r and p held fixed, dKL/dW = sum over the batch of (p_hat - p) (x + r)^T by hand.
    method = VAT(_linear(), epsilon=0.5)
    image = tf.constant(np.random.default_rng(1).normal(size=(5, 1, 2, 1)), tf.float32)
    batch = {
        "labeled": {"image": image, "label": tf.zeros(5, tf.int32)},
        "unlabeled": {"image": image + 0.5},
    }
    captured = []
    forward = method.forward

    def spy(image, purpose, **kwargs):
        captured.append(image)
        return forward(image, purpose, **kwargs)

    method.forward = spy
    kernel = method.classifier.trainable_variables[0].value
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(method.compute_losses(batch)["divergence"])
    gradient = tape.gradient(loss, kernel).numpy()
    clean, perturbed = (captured[i].numpy().reshape(5, 2) for i in (1, 3))
    p, p_hat = (tf.nn.softmax(z @ W.T).numpy() for z in (clean, perturbed))
    np.testing.assert_allclose(gradient, perturbed.T @ (p_hat - p), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("share_noise", [True, False])
@pytest.mark.parametrize("supervised", [True, False])
def test_passes_share_their_dropout_or_not(share_noise, supervised):
    # Where r = 0 the same dropout gives the same prediction, a divergence of exactly 0; another one
    # drops half of the pixels otherwise.
    layers = [keras.layers.Input((6, 6, 2)), keras.layers.Dropout(0.5), keras.layers.Flatten()]
    classifier = keras.Sequential([*layers, keras.layers.Dense(3)])
    method = VAT(classifier, epsilon=0.0, share_noise=share_noise)
    divergence = method.compute_losses(make_batch(supervised=supervised))["divergence"]
    assert np.all(divergence.numpy() == 0.0) if share_noise else np.all(divergence.numpy() > 1e-4)


def test_weight_passes_and_the_length_of_the_difference():
    method = VAT(_linear(), adversarial_weight=0.5, num_power_iterations=3)
    assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 0.5}
    method.compile()
    assert method.backward_passes == 4
    assert method.xi == 1e-2
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
        half = VAT(classifier)
    finally:
        keras.config.set_dtype_policy("float32")
    assert half.xi == 0.3


@pytest.mark.parametrize(
    "wrong",
    [
        *({"epsilon": value} for value in (-1.0, np.nan, np.inf)),
        *({"xi": value} for value in (0.0, np.nan)),
        {"num_power_iterations": -1},
    ],
    ids=str,
)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        VAT(_linear(), **wrong)
