"""xVAT: of which images the terms are, and the objective of its docstring in numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from tests_support import make_batch, make_linear_classifier

from xadv_tf.layers import HardConcreteGate, PerturbationTable
from xadv_tf.methods import XVAT


def _method(**kwargs):
    method = XVAT(make_linear_classifier(), mask=PerturbationTable(12, (6, 6, 1), seed=0), **kwargs)
    method.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    return method


@pytest.mark.parametrize("supervised", [False, True])
def test_the_objective_of_the_docstring(supervised):
    # In NumPy, but for the random mask itself, with every symbol away from its default.
    beta, gamma, zeta = 0.5, -0.2, 1.3
    method = _method(
        divergence="reverse_kl",
        clean_weight=0.7,
        adversarial_weight=1.5,
        sparsity=0.03,
        smoothness=0.4,
        output_scale=1.2,
        gate=HardConcreteGate(beta=beta, gamma=gamma, zeta=zeta),
    )
    batch = make_batch(supervised=supervised)
    labeled, unlabeled = batch["labeled"], batch["unlabeled"]
    x, index = unlabeled["image"].numpy().astype("float64"), unlabeled["index"].numpy()
    z = method.draw_mask(method.log_alpha(x, index), "gate/joint").numpy().astype("float64")
    a = method.mask.log_alpha.numpy().astype("float64")[index]
    kernel = method.classifier.trainable_variables[0].numpy().astype("float64")

    def log_p(image):
        return special.log_softmax(np.reshape(image, (len(image), -1)) @ kernel, axis=1)

    clean = log_p(labeled["image"].numpy())
    cross_entropy = -clean[np.arange(len(clean)), labeled["label"].numpy()]
    p, q = log_p(x), log_p(1.2 * x * z)
    divergence = np.sum(np.exp(q) * (q - p), axis=1)
    shift = beta * np.log(-gamma / zeta)
    l0 = np.sum(special.expit(a - shift), axis=(1, 2, 3))
    v = special.expit(z - shift)
    pairs = [
        (v[:, 1:], v[:, :-1]),
        (v[:, :, 1:], v[:, :, :-1]),
        (v[:, 1:, 1:], v[:, :-1, :-1]),
        (v[:, 1:, :-1], v[:, :-1, 1:]),
    ]
    roughness = sum(np.mean(np.abs(one - other), axis=(1, 2, 3)) for one, other in pairs)
    expected = 0.7 * np.mean(cross_entropy)
    expected += np.mean(1.5 * divergence + 0.03 * l0 - 0.4 * roughness)
    logs = method.train_step(batch)
    assert float(logs["objective"]) == pytest.approx(expected, rel=1e-5)


def test_the_masks_own_step_compares_with_a_clean_pass_of_its_own():
    method = _method()
    batch = make_batch()
    joint = method.adversarial_terms(batch, method.labeled_forward(batch), "joint")
    alone = method.adversarial_terms(batch, None, "joint")
    for term, value in joint.items():
        np.testing.assert_allclose(alone[term], value, rtol=1e-5)


def test_labels_have_no_part_in_the_divergence():
    method = _method()
    batch = make_batch()
    other = {**batch, "labeled": {**batch["labeled"], "image": tf.zeros((2, 6, 6, 2))}}
    other["labeled"]["label"] = tf.constant([0, 1])
    one, same = (method.compute_losses(b)["divergence"] for b in (batch, other))
    np.testing.assert_allclose(one, same, rtol=1e-6)
