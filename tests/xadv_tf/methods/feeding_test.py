import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier

from xadv_tf import methods
from xadv_tf.layers import PerturbationTable
from xadv_tf.methods import feeding

X, Y = np.arange(5), 10 * np.arange(5)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


SOURCES = {
    "arrays": lambda: feeding.Source(X, Y, 2),
    "dataset": lambda: feeding.Source(tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)),
    "pydataset": lambda: feeding.Source(Batches()),
    "generator": lambda: feeding.Source(Batches()[i] for i in range(3)),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_batches_keep_their_order_and_the_rest(kind):
    source = SOURCES[kind]()
    assert source.image_shape() == (None,)
    for _ in range(2):
        received = [batch["labeled"] for batch in source.batches()]
        assert [list(examples["image"]) for examples in received] == [[0, 1], [2, 3], [4]]
        assert [list(examples["label"]) for examples in received] == [[0, 10], [20, 30], [40]]


def test_what_was_taken_of_a_generator_comes_again():
    source = SOURCES["generator"]()
    batches = source.batches()
    next(batches), next(batches)
    assert [list(image) for image, _ in source.x] == [[0, 1], [2, 3], [4]]


def test_images_of_a_dataset_have_their_shape_whatever_the_batch():
    dataset = tf.data.Dataset.from_tensors((np.zeros((7, 4, 5, 3)), np.zeros(7)))
    assert feeding.Source(dataset).image_shape() == (None, 4, 5, 3)


def test_an_array_is_looked_at_as_a_whole_and_a_dataset_at_its_first_batch():
    first = next(SOURCES["arrays"]().batches())
    assert list(SOURCES["arrays"]().labels(first)) == list(Y)
    assert list(SOURCES["dataset"]().labels(first)) == [0, 10]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_classes_and_distributions_are_labels(dtype):
    feeding.check_labels(np.array([0, 2, 1], dtype), 3)
    feeding.check_labels(np.array([[0], [2]], dtype), 3)
    feeding.check_labels(np.array([-1, 2]), 3)
    feeding.check_labels(np.eye(3, dtype=dtype), 3)
    feeding.check_labels(np.eye(3, dtype=bool), 3)
    feeding.check_labels(np.array([[0.3, 0.3, 0.4], [0.0, 0.0, 0.0]], np.float16), 3)
    feeding.check_labels(np.array([7]), 0)
    feeding.check_labels(np.array([], dtype), 3)


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (np.array([0, 1, 3]), "less than 3, the classes of the classifier. Received: label 3"),
        (np.array([0.0, 1.7]), r"integer classes.*shape \(2,\) and dtype float64"),
        (np.array([[0.0], [1.0]]), r"integer classes.*shape \(2, 1\) and dtype float64"),
        (np.array(["cat", "dog"]), r"integer classes.*shape \(2,\) and dtype string"),
        (np.eye(4), r"one-hot, \[batch, 3\]. Received: labels of shape \(1, 4\)"),
        (np.zeros((2, 3, 1), np.int32), r"shape \(2, 3, 1\)"),
        # As int32 it would be class 1.
        (np.array([0, 2**32 + 1]), "less than 3.*Received: label 4294967297"),
        (np.array([0, 1], object), "labels must be numbers. Received: labels of dtype object"),
        (np.array([True, False]), r"integer classes.*shape \(2,\) and dtype bool"),
        (
            2.0 * np.eye(3) - 1.0,
            r"must be one-hot.*Received: the label \[1.0, -1.0, -1.0\]",
        ),
        (np.ones((2, 3)), r"must be one-hot.*Received: the label \[1.0, 1.0, 1.0\]"),
        (
            np.full((2, 3), np.nan),
            r"labels.*must be one-hot.*Received: the label \[nan, nan, nan\]",
        ),
    ],
)
def test_other_labels_are_refused(labels, received):
    with pytest.raises(ValueError, match=received):
        feeding.check_labels(labels, 3)
    method = methods.MLE(make_classifier())
    method.compile()
    with pytest.raises(ValueError, match="labels .*must be"):
        method.fit(np.zeros((len(labels), *IMAGE_SHAPE)), labels, verbose=0)
    assert int(method.step) == 0


LABELS = np.arange(8) % NUM_CLASSES
_IMAGES = np.ones((8, *IMAGE_SHAPE), np.float32)
_BAD_IMAGES = np.where(np.arange(8).reshape(8, 1, 1, 1) == 7, np.nan, _IMAGES)


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"x": _BAD_IMAGES, "y": LABELS}, "images must be finite. Received: images.*value nan"),
        ({"x": np.inf * _IMAGES, "y": LABELS}, "images must be finite. Received: images.*inf"),
        ({"x": tf.data.Dataset.from_tensors((_BAD_IMAGES, LABELS))}, "images must be finite"),
        ({"x": 1j * _IMAGES, "y": LABELS}, "real numbers. Received: images of dtype complex"),
        ({"x": _IMAGES[:0], "y": LABELS[:0]}, r"must hold images. Received: x of shape \(0, "),
        ({"x": _IMAGES}, "y must be the labels of the images x. Received: y=None"),
        ({"x": _IMAGES, "y": LABELS + 1}, "less than 3.*Received: label 3"),
        (
            {"x": _IMAGES, "y": LABELS, "sample_weight": np.full(8, np.nan)},
            "sample_weight must be finite. Received: sample_weight with the value nan",
        ),
        (
            {"x": _IMAGES, "y": LABELS, "sample_weight": np.ones((8, 3))},
            r"one number an example, \(8,\). Received: sample_weight of shape \(8, 3\)",
        ),
        (
            {"x": _IMAGES, "y": LABELS, "validation_data": (_IMAGES, LABELS + 1)},
            "less than 3.*Received: label 3",
        ),
    ],
)
def test_what_is_no_example_is_refused(arguments, received):
    method = methods.MLE(make_classifier())
    method.compile()
    with pytest.raises(ValueError, match=received):
        method.fit(verbose=0, **arguments)
    assert int(method.step) == 0


def test_arrays_are_looked_at_in_every_call():
    method = methods.MLE(make_classifier())
    method.compile()
    method.fit(_IMAGES, LABELS.tolist(), verbose=0)  # A list of labels is an array.
    for call in (method.fit, method.evaluate, method.train_on_batch, method.test_on_batch):
        with pytest.raises(ValueError, match="labels must be less than 3"):
            call(_IMAGES, LABELS + 1)
        with pytest.raises(ValueError, match="sample_weight must be finite"):
            call(_IMAGES, LABELS, sample_weight=np.full(8, np.inf))


def test_half_precision_keeps_large_images():
    feeding.check_images(tf.constant([[3e38]], tf.bfloat16))
    feeding.check_images(np.array([[255]], np.uint8))


def _warnings(method, images):
    method.compile(run_eagerly=True)  # It is the images that are looked at, before any step.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        method.fit(images, LABELS, verbose=0)
        method.fit(images, LABELS, verbose=0)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (methods.VAT, "epsilon and xi"),
        (methods.AT, "epsilon and the step to it"),
        (methods.XVAT, "the inputs of the mask"),
        (
            lambda c: methods.Combined([methods.XVAT(c), methods.VAT(c)]),
            "the inputs of the mask and epsilon and xi",
        ),
    ],
)
def test_images_of_another_scale_are_warned_of_once(make, names):
    images = np.random.default_rng(0).integers(0, 256, (8, *IMAGE_SHAPE)).astype(np.float32)
    # Uniform on 0..255 has the deviation 255 / sqrt(12) = 73.6.
    (warning,) = _warnings(make(make_classifier()), images)
    assert f"for {names} are in their units" in warning
    assert "divide them by 255 " in warning
    assert f"deviation {np.std(images):.3g}" in warning and 70.0 < np.std(images) < 77.0
    assert _warnings(make(make_classifier()), images / 255.0) == []
    (warning,) = _warnings(make(make_classifier()), images / 255.0**2)
    assert "divide them by 0.001" in warning


def test_methods_without_a_length_take_any_scale():
    images = np.random.default_rng(0).integers(0, 256, (8, *IMAGE_SHAPE)).astype(np.float32)
    for make in (methods.MLE, methods.PiModel, methods.RandomMask):
        assert _warnings(make(make_classifier()), images) == []
    table = methods.XVAT(make_classifier(), mask=PerturbationTable(8, (6, 6, 1)))
    assert table.in_image_units == ()


def test_class_weights_of_batches():
    labeled = {"image": np.zeros((4, 1)), "label": np.array([0, 1, 2, -1])}
    threefold = {"weight": np.full(4, 3.0, np.float32)}
    for extra, factor in (({}, 1.0), (threefold, 3.0)):
        batch = {"labeled": labeled | extra, "unlabeled": {"image": np.zeros((4, 1))}}
        dataset = feeding.with_class_weight(tf.data.Dataset.from_tensors(batch), {0: 0.5, 1: 2.0})
        (weighed,) = dataset
        np.testing.assert_array_equal(
            weighed["labeled"]["weight"], factor * np.array([0.5, 2, 1, 1])
        )
