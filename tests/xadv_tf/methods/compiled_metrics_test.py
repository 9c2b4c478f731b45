"""What users ask to be measured, in training and in evaluations."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from fit_support import IMAGES, LABELS, make_mle
from tests_support import NUM_CLASSES, make_classifier, two_replicas

from xadv_tf import methods


def _sure_of_class_0(**kwargs):
    method = methods.MLE(make_classifier())
    method.compile(keras.optimizers.SGD(0.0), **kwargs)
    for variable in method.classifier.trainable_variables:
        variable.assign(tf.zeros_like(variable.value))
    method.classifier.trainable_variables[-1].assign([3.0, 0.0, 0.0])
    return method


def test_compiled_metrics_are_honoured():
    method = make_mle(
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top_2")],
        weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="ce")],
    )
    weight = np.linspace(0.0, 1.0, 11, dtype=np.float32)
    logs = method.fit(
        IMAGES, LABELS, sample_weight=weight, batch_size=11, verbose=0,
        validation_data=(IMAGES, LABELS, weight),
    ).history  # fmt: skip
    logits = method.classifier(IMAGES).numpy()
    top = np.mean([y in np.argsort(row)[-2:] for y, row in zip(LABELS, logits, strict=True)])
    losses = keras.losses.sparse_categorical_crossentropy(LABELS, logits, from_logits=True)
    assert logs["val_top_2"][0] == pytest.approx(top)
    assert logs["val_ce"][0] == pytest.approx(np.sum(weight * losses) / np.sum(weight), rel=1e-5)
    # In training of the pass before the step, and as Keras weighs it.
    before = make_mle()
    expected = before.evaluate(IMAGES, LABELS, batch_size=11, verbose=0, return_dict=True)
    assert logs["accuracy"][0] == pytest.approx(expected["accuracy"])
    assert {"top_2", "ce", "loss", "val_loss", "val_accuracy", "val_cross_entropy"} <= set(logs)


# In batches of 5: replicas have 3 and 2 images of a batch, which Keras would add up.
@pytest.mark.parametrize("fit_in_scope", [pytest.param(True, marks=pytest.mark.slow), False])
def test_compiled_metrics_on_two_replicas(fit_in_scope):
    def compiled():
        return make_mle(metrics=["accuracy", keras.metrics.F1Score(name="f1")])

    def fitted(method):
        labels = np.eye(NUM_CLASSES, dtype=np.float32)[LABELS]
        return method.fit(
            IMAGES, labels, batch_size=5, shuffle=False, verbose=0, validation_data=(IMAGES, labels)
        ).history

    one = fitted(compiled())
    strategy = two_replicas()
    with strategy.scope():
        method = compiled()
    with strategy.scope() if fit_in_scope else contextlib.nullcontext():
        two = fitted(method)
    assert one.keys() == two.keys()
    for name in ("accuracy", "f1", "val_accuracy", "val_f1"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-5, err_msg=name)


def test_an_accuracy_of_ones_own_takes_the_place_of_the_methods():
    # All are taken for class 0; the half that is not of it has no weight.
    method = _sure_of_class_0(weighted_metrics=["accuracy"])
    labels, weight = np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 0.0, 0.0], np.float32)
    logs = method.fit(
        IMAGES[:4], labels, sample_weight=weight, validation_data=(IMAGES[:4], labels, weight),
        verbose=0,
    ).history  # fmt: skip
    assert logs["accuracy"] == [1.0] and logs["val_accuracy"] == [1.0]
    received = method.evaluate(IMAGES[:4], labels, verbose=0, return_dict=True)
    assert received["accuracy"] == 0.5 and received["loss"] == received["cross_entropy"]
    for name in ("loss", "cross_entropy", "objective"):
        with pytest.raises(ValueError, match=f"name of a term.*Received: a metric named '{name}'"):
            method.compile(metrics=[keras.metrics.Mean(name=name)])


@pytest.mark.parametrize("kwargs", [{}, {"metrics": ["accuracy"]}])
def test_unknown_labels_are_neither_right_nor_wrong(kwargs):
    method = _sure_of_class_0(**kwargs)
    rows = np.eye(NUM_CLASSES, dtype=np.float32)[[0, 0, 0, 0]]
    rows[2:] = 0.0
    loss = method.evaluate(IMAGES[:2], np.zeros(2, int), verbose=0, return_dict=True)["loss"]
    assert loss > 0.0
    for labels in (np.array([0, 0, -1, -1]), rows):
        if kwargs and labels.ndim == 2:
            continue  # Keras builds "accuracy" for one form of labels.
        received = method.evaluate(IMAGES[:4], labels, verbose=0, return_dict=True)
        assert received["accuracy"] == 1.0
        assert received["loss"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_metrics_are_of_the_known_labels(jit_compile):
    # Of class 0, the only one that is ever predicted, is one of the two that are known.
    method = _sure_of_class_0(
        jit_compile=jit_compile,
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="bare")],
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="weighted"),
            keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="ce"),
        ],
    )
    labels, weight = np.array([0, -1, 1, -1]), np.array([1.0, 9.0, 3.0, 9.0], np.float32)
    losses = np.log(np.exp(3.0) + 2.0) - np.array([3.0, 0.0])
    expected = {"bare": 0.5, "weighted": 0.25, "ce": np.sum(losses * [1.0, 3.0]) / 4.0}
    trained = method.fit(IMAGES[:4], labels, sample_weight=weight, verbose=0).history
    evaluated = method.evaluate(
        IMAGES[:4], labels, sample_weight=weight, verbose=0, return_dict=True
    )
    for name, value in expected.items():
        assert trained[name] == [pytest.approx(value, rel=1e-5)]
        assert evaluated[name] == pytest.approx(value, rel=1e-5)
