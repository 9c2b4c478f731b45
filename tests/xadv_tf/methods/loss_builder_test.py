"""The supervised loss, by labels and weights of every form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fit_support import IMAGES, LABELS, assert_equal, make_mle, weights_of
from tests_support import NUM_CLASSES, make_classifier


@pytest.mark.parametrize("kind", ["one_hot", "soft"])
def test_labels_may_be_distributions(kind):
    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[LABELS]
    integers, others = make_mle(), make_mle()
    if kind == "one_hot":
        others.fit(IMAGES, one_hot, shuffle=False, verbose=0)
        integers.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        assert_equal(weights_of(integers), weights_of(others), atol=1e-6)
        both = [
            m.evaluate(IMAGES, y, verbose=0) for m, y in ((integers, LABELS), (others, one_hot))
        ]
        assert both[0] == pytest.approx(both[1])
    else:
        soft = 0.7 * one_hot + 0.3 / NUM_CLASSES
        integers.compile(optimizer=keras.optimizers.SGD(0.5), label_smoothing=0.3)
        integers.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        others.fit(IMAGES, soft, shuffle=False, verbose=0)
        assert_equal(weights_of(integers), weights_of(others), atol=1e-6)


def test_weights_of_classes_and_of_examples_are_those_of_the_supervised_term():
    class_weight = {0: 0.5, 1: 2.0, 2: 0.0}
    sample_weight = np.array([class_weight[label] for label in LABELS], np.float32)
    by_class, by_sample, by_batch = make_mle(), make_mle(), make_mle()
    arguments = {"shuffle": False, "verbose": 0, "batch_size": 11}
    by_class.fit(IMAGES, LABELS, class_weight=class_weight, **arguments)
    by_sample.fit(IMAGES, LABELS, sample_weight=sample_weight, **arguments)
    by_batch.fit(
        tf.data.Dataset.from_tensors((IMAGES, LABELS)).map(
            lambda x, y: {"labeled": {"image": x, "label": y}, "unlabeled": {"image": x}}
        ),
        class_weight=class_weight,
        verbose=0,
    )
    # As Keras: the weighted losses, divided by the number of examples.
    keras.utils.set_random_seed(3)
    model = make_classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    model.fit(IMAGES, LABELS, sample_weight=sample_weight, **arguments)
    for method in (by_class, by_sample, by_batch):
        assert_equal(model.get_weights(), weights_of(method), atol=1e-6)
