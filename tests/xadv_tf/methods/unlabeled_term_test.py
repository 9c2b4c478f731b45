"""Entropy minimisation and pseudo-labels: values and gradients by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.methods import EntropyMinimization, PseudoLabel

# p of two images; logits W x of one-hot images x are the columns of W.
P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]])


def _linear():
    layers = [keras.layers.Input((1, 2, 1)), keras.layers.Flatten()]
    classifier = keras.Sequential([*layers, keras.layers.Dense(3, use_bias=False)])
    classifier.set_weights([np.log(P)])
    return classifier


def _batch():
    image = tf.reshape(tf.eye(2), (2, 1, 2, 1))
    return {
        "labeled": {"image": image, "label": tf.constant([0, 1])},
        "unlabeled": {"image": tf.identity(image)},
    }


def _term_and_gradient(method, term, batch):
    """The term, [2], and its sum's gradient in the kernel, whose rows are the images' logits."""
    kernel = method.classifier.trainable_variables[0].value
    with tf.GradientTape() as tape:
        value = method.compute_losses(batch)[term]
    return value, tape.gradient(value, kernel)


def _supervised():
    labeled = _batch()["labeled"]
    return {"labeled": labeled, "unlabeled": labeled}


@pytest.mark.parametrize("make_batch", [_batch, _supervised])
def test_entropy_and_its_gradient(make_batch):
    # dH / d logits_i = -p_i (log p_i + H).
    value, gradient = _term_and_gradient(EntropyMinimization(_linear()), "entropy", make_batch())
    entropy = -np.sum(P * np.log(P), axis=1)
    np.testing.assert_allclose(entropy, [0.801819, 1.080527], atol=1e-6)
    np.testing.assert_allclose(value, entropy, rtol=1e-5)
    np.testing.assert_allclose(gradient, -P * (np.log(P) + entropy[:, None]), atol=1e-6)


@pytest.mark.parametrize(("threshold", "chosen"), [(0.0, [1, 1]), (0.5, [1, 0]), (0.75, [0, 0])])
def test_pseudo_labels_of_sure_predictions(threshold, chosen):
    # Both images look most like class 0, with .7 and .4: -log p_0, and p - onehot(0) as gradient.
    method = PseudoLabel(_linear(), confidence_threshold=threshold)
    value, gradient = _term_and_gradient(method, "pseudo_label", _batch())
    np.testing.assert_allclose(value, chosen * np.array([0.356675, 0.916291]), atol=1e-6)
    expected = np.array(chosen)[:, None] * (P - [1.0, 0.0, 0.0])
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_pseudo_labels_count_in_a_mean_over_all():
    method = PseudoLabel(_linear(), confidence_threshold=0.5, pseudo_label_weight=3.0)
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    logs = method.train_step(_batch())
    # -log .7 of the one that counts, halved; CE is of labels 0 and 1: -(log .7 + log .35) / 2.
    assert float(logs["pseudo_label"]) == pytest.approx(0.178337, abs=1e-6)
    assert float(logs["objective"]) == pytest.approx(0.703249 + 3 * 0.178337, abs=1e-5)
    assert float(logs["pseudo_labeled"]) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EntropyMinimization(entropy_weight=-1.0), "Received: entropy_weight=-1.0"),
        (lambda: PseudoLabel(pseudo_label_weight=-1.0), "Received: pseudo_label_weight=-1.0"),
        (lambda: PseudoLabel(confidence_threshold=1.5), "Received: confidence_threshold=1.5"),
        (lambda: EntropyMinimization().compile(), "EntropyMinimization needs a classifier"),
    ],
)
def test_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
