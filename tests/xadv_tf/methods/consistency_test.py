"""What the methods of consistency share: whose mean, which weight, which view."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import (
    make_batch,
    make_classifier,
    make_linear_classifier,
    make_partly_labeled_batch,
)

from xadv_tf.methods import MLE, MeanTeacher, PiModel
from xadv_tf.methods.consistency import second_view


@pytest.mark.parametrize("make", [PiModel, MeanTeacher, MLE], ids=lambda cls: cls.__name__)
def test_cross_entropy_of_a_partly_labeled_batch_is_divided_by_its_size(make):
    method = make(make_linear_classifier())
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    batch = make_partly_labeled_batch([0, -1, 2, -1, -1, -1])
    logits = method.classifier(batch["labeled"]["image"]).numpy()
    log_p = tf.nn.log_softmax(logits).numpy()
    logs = method.train_step(batch)
    assert float(logs["cross_entropy"]) == pytest.approx(-(log_p[0, 0] + log_p[2, 2]) / 6, rel=1e-5)
    hits = [np.argmax(logits[0]) == 0, np.argmax(logits[2]) == 2]
    assert float(logs["accuracy"]) == np.mean(hits)


def test_the_weight_counts_in_the_objective():
    method = PiModel(make_classifier(jitter=0.5), consistency_weight=lambda step: 3.0)
    method.compile()
    logs = method.train_step(make_batch())
    expected = float(logs["cross_entropy"] + 3.0 * logs["consistency"])
    assert float(logs["consistency"]) > 1e-3
    assert float(logs["objective"]) == pytest.approx(expected, rel=1e-5)


def test_the_second_view_is_the_image_where_there_is_no_other():
    assert second_view({"image": 1}) == 1
    assert second_view({"image": 1, "second_image": 2}) == 2


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="Received: consistency_weight=-1.0"):
        PiModel(make_linear_classifier(), consistency_weight=-1.0)
