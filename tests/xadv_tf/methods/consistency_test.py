"""Pi-model, Temporal Ensembling and Mean Teacher: gradients and published self-checks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier

from xadv_tf import divergences
from xadv_tf.layers import BatchNormalization
from xadv_tf.methods import MLE, MeanTeacher, PiModel, TemporalEnsembling

HIDDEN = -1


def _linear():
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(NUM_CLASSES, use_bias=False)])


def _partly_labeled(labels):
    """One batch from the pool, with labels where they are known."""
    batch = make_batch(supervised=True)["labeled"]
    batch = {**batch, "label": tf.constant(labels, tf.int32)}
    return {"labeled": batch, "unlabeled": batch}


def _gradient(method, batch, term, variables):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(method.compute_losses(batch)[term])
    return tape.gradient(total, [variable.value for variable in variables])


def test_the_squared_error_has_its_bound():
    # One-hot against another one-hot: 2 / K; against uniform: (.9^2 + 9 * .1^2) / 10 = .09.
    one, other = (100.0 * tf.one_hot([i], 10) for i in (0, 1))
    np.testing.assert_allclose(divergences.squared_error(one, other), 0.2, rtol=1e-6)
    np.testing.assert_allclose(divergences.squared_error(one, 0.0 * one), 0.09, rtol=1e-6)


def test_pi_model_differentiates_both_passes():
    # p_i = softmax(W x_i). With s_i = p_i (d - p_i . d), d = 2 (p_1 - p_2) / K, the gradient of
    # sum (p_1 - p_2)^2 / K in W is x_1 s_1^T - x_2 s_2^T. Views stand in for the noise.
    method = PiModel(_linear())
    batch = make_batch()
    second = batch["unlabeled"]["image"][::-1]
    batch["unlabeled"]["second_image"] = second
    weights = method.classifier.trainable_variables
    (gradient,) = _gradient(method, batch, "consistency", weights)
    views = [np.reshape(x, (8, -1)) for x in (batch["unlabeled"]["image"], second)]
    p = [tf.nn.softmax(x @ weights[0].numpy()).numpy() for x in views]
    d = 2.0 * (p[0] - p[1]) / NUM_CLASSES
    s = [q * (d - np.sum(q * d, axis=1, keepdims=True)) for q in p]
    expected = views[0].T @ s[0] - views[1].T @ s[1]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("second_follows", [True, False])
def test_running_statistics_of_pi_model(second_follows):
    # In one batch they follow the second pass, here of images twice as large.
    normalizer = BatchNormalization(momentum=0.0)
    method = PiModel(make_classifier(batch_norm=normalizer))
    batch = make_batch(supervised=second_follows)
    batch["unlabeled"]["second_image"] = 2.0 * batch["unlabeled"]["image"]
    method.compute_losses(batch)
    dense = method.classifier.layers[1]
    images = tf.reshape(batch["labeled"]["image"], [6, -1])
    factor = 2.0 if second_follows else 1.0
    expected = factor * tf.reduce_mean(dense(images), axis=0)
    np.testing.assert_allclose(normalizer.moving_mean, expected, atol=1e-5)


@pytest.mark.parametrize("make", [PiModel, MeanTeacher, MLE], ids=lambda cls: cls.__name__)
def test_cross_entropy_of_a_partly_labeled_batch_is_divided_by_its_size(make):
    method = make(_linear())
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    batch = _partly_labeled([0, HIDDEN, 2, HIDDEN, HIDDEN, HIDDEN])
    image = batch["labeled"]["image"]
    logits = method.classifier(image).numpy()
    log_p = tf.nn.log_softmax(logits).numpy()
    logs = method.train_step(batch)
    assert float(logs["cross_entropy"]) == pytest.approx(-(log_p[0, 0] + log_p[2, 2]) / 6, rel=1e-5)
    hits = [np.argmax(logits[0]) == 0, np.argmax(logits[2]) == 2]
    assert float(logs["accuracy"]) == np.mean(hits)


def _ensembling(**kwargs):
    method = TemporalEnsembling(_linear(), num_examples=12, steps_per_epoch=2, **kwargs)
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    return method


def test_targets_of_constant_predictions():
    # Weights that stand still and no noise: the corrected target is the prediction in each epoch.
    method = _ensembling()
    errors = [float(method.train_step(make_batch())["consistency"]) for _ in range(6)]
    np.testing.assert_allclose(errors, 0.0, atol=1e-12)
    image, index = (make_batch()["unlabeled"][key] for key in ("image", "index"))
    target, known = method.ensemble.target(index, 3)
    assert np.all(known)
    np.testing.assert_allclose(target, tf.nn.softmax(method(image)), rtol=1e-5)


def test_the_ensembles_target_is_constant_and_absent_at_first():
    method = _ensembling()
    batch = make_batch()
    variables = method.classifier.trainable_variables
    method.train_step(batch)
    assert not np.any(_gradient(method, batch, "consistency", variables)[0])
    method.step.assign(2)  # The second epoch.
    x = np.reshape(batch["unlabeled"]["image"], (8, -1))
    target, _ = method.ensemble.target(batch["unlabeled"]["index"], 1)
    variables[0].assign(0.5 * variables[0])
    p = tf.nn.softmax(x @ variables[0].numpy()).numpy()
    d = 2.0 * (p - target) / NUM_CLASSES
    expected = x.T @ (p * (d - np.sum(p * d, axis=1, keepdims=True)))
    (gradient,) = _gradient(method, batch, "consistency", variables)
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def _teaching(decay=0.5, **kwargs):
    keras.utils.set_random_seed(2)
    classifier = make_classifier(jitter=0.5, batch_norm=BatchNormalization(momentum=0.0))
    method = MeanTeacher(classifier, teacher_decay=decay, **kwargs)
    method.compile(optimizer=keras.optimizers.SGD(0.1))
    return method


def test_the_consistency_trains_the_student_and_not_the_teacher():
    method = _teaching()
    batch = make_batch()
    student, teacher = method.classifier, method.teacher
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([v.value for v in teacher.trainable_variables])
        total = tf.reduce_sum(method.compute_losses(batch)["consistency"])
    for variable in student.trainable_variables:
        assert np.any(tape.gradient(total, variable.value).numpy() != 0.0)
    for variable in teacher.trainable_variables:
        assert tape.gradient(total, variable.value) is None


def test_the_teacher_follows_the_students_weights():
    method = _teaching()
    expected = [v.numpy() for v in method.classifier.trainable_variables]
    for seed in range(3):
        method.train_step(make_batch(seed=seed))
        now = [v.numpy() for v in method.classifier.trainable_variables]
        expected = [0.5 * old + 0.5 * new for old, new in zip(expected, now, strict=True)]
    for variable, value in zip(method.teacher.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-5, atol=1e-6)
    image = make_batch()["labeled"]["image"]
    assert method.evaluated is method.teacher
    np.testing.assert_array_equal(method(image), method.teacher(image, training=False))


def test_decay_0_is_the_student():
    method = _teaching(decay=lambda step: 0.0 * tf.cast(step, tf.float32))
    method.train_step(make_batch())
    for one, other in zip(
        method.teacher.trainable_variables, method.classifier.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_each_tower_keeps_its_own_running_statistics():
    # The student's follow the labeled batch, the teacher's its own pass over the unlabeled one.
    method = _teaching()
    batch = make_batch()
    for model, examples in (
        (method.classifier, batch["labeled"]["image"]),
        (method.teacher, batch["unlabeled"]["image"]),
    ):
        images = tf.reshape(examples, [examples.shape[0], -1])
        model.expected = tf.reduce_mean(model.layers[1](images), axis=0)
    method.train_step(batch)
    for model in (method.classifier, method.teacher):
        received = model.layers[2].moving_mean
        np.testing.assert_allclose(received, model.expected, atol=1e-5)


def test_labeled_images_can_be_left_out_of_the_consistency():
    batch = _partly_labeled([0, HIDDEN, 2, HIDDEN, HIDDEN, HIDDEN])
    everyone = _teaching().compute_losses(batch)["consistency"]
    others = _teaching(consistency_on_labeled=False).compute_losses(batch)["consistency"]
    assert np.all(everyone > 0.0)
    np.testing.assert_array_equal(others, everyone * [0.0, 1.0, 0.0, 1.0, 1.0, 1.0])


def test_initialization_starts_the_teacher_at_the_student():
    method = _teaching()
    method.classifier.set_weights([weight + 1.0 for weight in method.classifier.get_weights()])
    method.initialize(iter([make_batch()]))
    for one, other in zip(method.teacher.weights, method.classifier.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PiModel(_linear(), consistency_weight=-1.0), "Received: consistency_weight=-1.0"),
        (lambda: MeanTeacher(_linear(), teacher_decay=1.5), "Received: teacher_decay=1.5"),
        (
            lambda: TemporalEnsembling(_linear(), num_examples=1, steps_per_epoch=0),
            "Received: steps_per_epoch=0",
        ),
    ],
)
def test_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
