import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier

from trainers.reports import shown_images
from trainers.reports.shown_images import Examples
from xadv_tf import figures, methods
from xadv_tf.layers import PerturbationTable


def _data(labels, pool):
    """What `one_of_each_class` reads of a `split_data.Data`: image i has the value i."""
    return types.SimpleNamespace(
        dataset=types.SimpleNamespace(train_labels=np.array(labels)),
        split=types.SimpleNamespace(pool=np.array(pool)),
        pool=types.SimpleNamespace(images_at=lambda index: tf.constant(np.array(pool)[index])),
    )


def test_the_first_of_each_class_in_the_pool_by_its_place_there():
    data = _data(labels=[2, 0, 0, 1, 2, 1], pool=[1, 2, 4, 5])
    found = shown_images.one_of_each_class(data)
    np.testing.assert_array_equal(found.label, [0, 1, 2])
    np.testing.assert_array_equal(found.index, [0, 3, 2])  # Places in the pool ...
    np.testing.assert_array_equal(found.image, [1, 5, 4])  # ... of these images.
    few = shown_images.one_of_each_class(data, at_most=2)
    np.testing.assert_array_equal(few.label, [0, 1])


@pytest.fixture
def examples():
    batch = make_batch()["labeled"]
    # Places that are not 0, 1, ...: a table's rows go by them.
    return Examples(batch["image"], batch["label"].numpy(), np.array([7, 3, 9, 1, 0, 5]))


def _made(cls, **arguments):
    keras.utils.set_random_seed(1)
    return cls(make_classifier(dropout=0.5), **arguments)


def test_a_mask_is_that_of_the_images_place(examples):
    table = PerturbationTable(10, (*IMAGE_SHAPE[:2], 1), seed=0)
    method = _made(methods.XVAT, mask=table)
    shown = shown_images.perturbed(method, "xVAT-T", examples)
    assert isinstance(shown, figures.Multiplicative)
    assert (shown.label, shown.trained) == ("xVAT-T", True)
    np.testing.assert_array_equal(shown.log_alpha, tf.gather(table.log_alpha, examples.index))
    np.testing.assert_allclose(shown.x_adv, examples.image * shown.mask, rtol=1e-6)
    # Without dropout: of the same images the same probabilities.
    before = tf.nn.softmax(method.classifier(examples.image, training=False))
    after = tf.nn.softmax(method.classifier(shown.x_adv, training=False))
    np.testing.assert_allclose(shown.before, before, rtol=1e-5)
    np.testing.assert_allclose(shown.after, after, rtol=1e-5)


def test_random_masks_are_not_trained(examples):
    assert not shown_images.perturbed(_made(methods.RandomMask), "RandomMask", examples).trained


@pytest.mark.parametrize("method", [methods.AT, methods.VAT])
def test_what_is_added_is_the_difference_of_the_images(examples, method):
    shown = shown_images.perturbed(_made(method, epsilon=0.5), "added", examples)
    assert isinstance(shown, figures.Additive)
    np.testing.assert_allclose(shown.x_adv - examples.image, shown.perturbation, atol=1e-6)
    assert np.max(np.abs(shown.perturbation)) > 0


def test_a_method_that_perturbs_nothing_shows_its_predictions(examples):
    shown = shown_images.perturbed(_made(methods.MLE), "MLE", examples)
    assert isinstance(shown, figures.Unperturbed)
    assert shown.before.shape == (6, NUM_CLASSES)


def test_of_several_parts_masks_come_first():
    classifier = make_classifier()
    vat, xvat = methods.VAT(classifier), methods.XVAT(classifier)
    combined = methods.Combined([methods.get("entropy")(classifier), vat, xvat])
    assert shown_images.perturbing(combined) is xvat
    assert (
        shown_images.perturbing(methods.Combined([methods.get("entropy")(classifier), vat])) is vat
    )
    assert shown_images.perturbing(methods.MLE(classifier)) is None
