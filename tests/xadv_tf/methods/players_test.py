import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch

from xadv_tf.methods import players


def test_a_pair_is_a_batch_in_which_labeled_and_unlabeled_are_one():
    image, label = tf.zeros((2, 3)), tf.constant([1, 0])
    for pair in ((image, label), [image, label]):
        batch = players.as_batch(pair)
        assert batch["labeled"] is batch["unlabeled"]
        assert batch["labeled"]["image"] is image and batch["labeled"]["label"] is label
        assert players.is_supervised(batch)


def test_a_batch_stays_what_it_is():
    batch = make_batch()
    assert players.as_batch(batch) is batch
    assert not players.is_supervised(batch)


def test_one_batch_is_known_by_its_images_and_not_by_their_values():
    # The mappings around them are made anew wherever a batch passes a tf.function.
    image = tf.zeros((2, 3))
    batch = {"labeled": {"image": image, "label": tf.constant([1, 0])}, "unlabeled": {}}
    assert players.is_supervised({**batch, "unlabeled": {"image": image}})
    assert not players.is_supervised({**batch, "unlabeled": {"image": tf.identity(image)}})


@pytest.mark.parametrize(
    ("data", "received"),
    [
        ({"image": 1, "label": 2}, r"\['image', 'label'\]"),
        ((1, 2, 3, 4), "list"),
        (np.zeros(3), "ndarray"),
    ],
)
def test_what_is_no_batch_is_refused(data, received):
    with pytest.raises(ValueError, match=f"A batch must be .*Received: {received}"):
        players.as_batch(data)


@pytest.mark.parametrize(("count", "taken"), [(1, 1), (2, 1), (3, 2), (4, 2), (100, 3)])
def test_first_images_takes_as_many_batches_as_needed(count, taken):
    batches = iter([{"unlabeled": {"image": tf.fill([2, 1], float(i))}} for i in range(3)])
    images = players.first_images(batches, count)
    np.testing.assert_array_equal(images[:, 0], np.repeat(np.arange(taken), 2))
    assert len(list(batches)) == 3 - taken


def test_a_player_has_the_one_objective_unless_told_otherwise():
    optimizer = keras.optimizers.SGD()
    assert players.Player("classifier", [], optimizer).objective == "objective"


def test_what_is_shown_is_a_batch_of_the_classifiers_images():
    classifier = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Flatten()])
    images = np.ones((2, 8, 8, 3), np.uint8)
    for given in (images, images.tolist(), tf.constant(images), images.astype(bool)):
        shown = players.images_to_show(given, classifier)
        assert shown.dtype == tf.float32 and shown.shape == images.shape
    # Of one that does not know its inputs, any batch may be images.
    assert players.images_to_show(np.ones((2, 3)), keras.layers.Flatten()).shape == (2, 3)


@pytest.mark.parametrize(
    ("given", "received"),
    [
        (np.zeros((8, 8, 3)), r"float64 of shape \(8, 8, 3\)"),
        (np.zeros((2, 9, 9, 3)), r"float64 of shape \(2, 9, 9, 3\)"),
        ("a", r"string of shape \(\)"),
        (None, "NoneType"),
        ({}, "dict"),
        ([[1], [1, 2]], "list"),
    ],
)
def test_what_is_no_batch_of_images_is_not_shown(given, received):
    classifier = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Flatten()])
    expected = rf"^x must be images, \[batch, 8, 8, 3\]. Received: x={received}$"
    with pytest.raises(ValueError, match=expected):
        players.images_to_show(given, classifier)
