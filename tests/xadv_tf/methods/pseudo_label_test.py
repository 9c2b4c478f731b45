import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_linear_classifier

from xadv_tf.methods import PseudoLabel

P = np.array([[0.5, 0.5, 0.0], [0.4, 0.35, 0.25]])


# A prediction of exactly the threshold counts.
@pytest.mark.parametrize(
    ("threshold", "chosen"), [(0.0, [1, 1]), (0.45, [1, 0]), (0.5, [1, 0]), (0.51, [0, 0])]
)
def test_pseudo_labels_of_sure_predictions(threshold, chosen):
    # Both images look most like class 0: -log p_0, and p - onehot(0) as gradient in the logits.
    # Two equal logits and a far one: a softmax of 1/2 to the bit.
    logits = tf.constant(np.stack([[0.0, 0.0, -1000.0], np.log(P[1])]), tf.float32)
    method = PseudoLabel(confidence_threshold=threshold)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = method.loss_of(logits)
    expected = np.array(chosen)[:, None] * (P - [1.0, 0.0, 0.0])
    np.testing.assert_allclose(value, chosen * -np.log(P[:, 0]), atol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-6)


def test_they_count_in_a_mean_over_all():
    method = PseudoLabel(
        make_linear_classifier(), confidence_threshold=0.5, pseudo_label_weight=3.0
    )
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    batch = make_batch()
    p = np.max(tf.nn.softmax(method.classifier(batch["unlabeled"]["image"])), axis=1)
    assert 0 < np.sum(p >= 0.5) < 8
    logs = method.train_step(batch)
    term = np.sum(-np.log(p[p >= 0.5])) / 8
    assert float(logs["pseudo_label"]) == pytest.approx(term, rel=1e-5)
    assert float(logs["pseudo_labeled"]) == np.mean(p >= 0.5)
    expected = float(logs["cross_entropy"]) + 3.0 * term
    assert float(logs["objective"]) == pytest.approx(expected, rel=1e-5)


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="Received: pseudo_label_weight=-1.0"):
        PseudoLabel(pseudo_label_weight=-1.0)
    with pytest.raises(ValueError, match="Received: confidence_threshold=1.5"):
        PseudoLabel(confidence_threshold=1.5)
