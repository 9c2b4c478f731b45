"""Mean Teacher: whose weights follow whose, and what trains whom."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_classifier, make_partly_labeled_batch

from xadv_tf.layers import BatchNormalization
from xadv_tf.methods import MeanTeacher


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


def _taught(decay):
    """The student's weights, at first and after each of three steps, and the teacher's."""
    method = _teaching(decay=decay)

    def trained(model):
        return [v.numpy() for v in model.trainable_variables]

    weights = [trained(method.classifier)]
    for seed in range(3):
        method.train_step(make_batch(seed=seed))
        weights.append(trained(method.classifier))
    image = make_batch()["labeled"]["image"]
    assert method.evaluated is method.teacher
    np.testing.assert_array_equal(method(image), method.teacher(image, training=False))
    return weights, trained(method.teacher)


@pytest.mark.parametrize(
    ("decay", "shares"),
    [
        # A number is at most 1/2, 2/3 and 3/4 in the first three steps: all weights alike.
        (0.999, [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        (1.0, [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        # 1/2 from the first step on, and 0.6 from the second, of what was half and half.
        (0.5, [1 / 8, 1 / 8, 1 / 4, 1 / 2]),
        (0.6, [0.18, 0.18, 0.24, 0.4]),
        # A function is taken as it is: 0.9, not 1/2, which would be the same the other way round.
        (lambda step: tf.constant(0.9), [0.729, 0.081, 0.09, 0.1]),
    ],
)
def test_the_teacher_keeps_the_share_decay_of_itself(decay, shares):
    weights, teacher = _taught(decay)
    for variable, *values in zip(teacher, *weights, strict=True):
        expected = sum(share * value for share, value in zip(shares, values, strict=True))
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)


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
    batch = make_partly_labeled_batch([0, -1, 2, -1, -1, -1])
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


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="Received: teacher_decay=1.5"):
        _teaching(decay=1.5)
