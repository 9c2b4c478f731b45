"""What EntropyMinimization and PseudoLabel share: of whose predictions the term is."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_linear_classifier

from xadv_tf.methods import EntropyMinimization
from xadv_tf.methods.unlabeled_term import UnlabeledTermMethod


class Sure(UnlabeledTermMethod):
    """Its term is the largest logit."""

    def __init__(self, classifier, weight=1.0):
        super().__init__(classifier, term="sure", weight=weight)

    def loss_of(self, logits):
        return tf.reduce_max(logits, axis=-1)


@pytest.mark.parametrize("supervised", [False, True])
def test_the_term_is_of_the_unlabeled_images(supervised):
    method = Sure(make_linear_classifier())
    batch = make_batch(supervised=supervised)
    terms = method.compute_losses(batch)
    labeled, unlabeled = (method.classifier(batch[k]["image"]) for k in ("labeled", "unlabeled"))
    np.testing.assert_allclose(terms["sure"], np.max(unlabeled, axis=1), rtol=1e-5)
    log_p = tf.nn.log_softmax(labeled)
    expected = -tf.gather(log_p, batch["labeled"]["label"], batch_dims=1)
    np.testing.assert_allclose(terms["cross_entropy"], expected, rtol=1e-5)


def test_the_weight_may_follow_the_step():
    method = Sure(make_linear_classifier(), weight=lambda step: 2.0 * tf.cast(step, tf.float32))
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    for weight in (0.0, 2.0):
        logs = method.train_step(make_batch())
        expected = float(logs["cross_entropy"] + weight * logs["sure"])
        assert float(logs["objective"]) == pytest.approx(expected, rel=1e-5)


def test_refusals():
    with pytest.raises(ValueError, match="Received: sure_weight=-1.0"):
        Sure(None, weight=-1.0)
    with pytest.raises(ValueError, match="EntropyMinimization needs a classifier"):
        EntropyMinimization().compile()
