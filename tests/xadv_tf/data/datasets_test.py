import os
import pathlib
import zlib

import numpy as np
import pytest

from xadv_tf.data import datasets

_PREPARED = pathlib.Path(__file__).parents[3].parent / "shared" / "tfds"


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_digits_are_4000_and_1000_balanced_images(digits):
    assert digits.train_images.shape == (4000, 28, 28, 1)
    assert digits.test_images.shape == (1000, 28, 28, 1)
    assert digits.image_shape == (28, 28, 1) and digits.num_classes == 10
    assert digits.train_images.dtype == np.uint8 and digits.train_labels.dtype == np.int32
    assert digits.train_images.max() == 255
    np.testing.assert_array_equal(np.bincount(digits.train_labels), np.full(10, 400))
    np.testing.assert_array_equal(np.bincount(digits.test_labels), np.full(10, 100))


def test_no_digit_is_in_both_parts(digits):
    # All 5,000 images of the package differ, so one missing or doubled would show in the count.
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(5000, -1)
    assert len(np.unique(images, axis=0)) == 5000


def test_the_digits_test_set_never_changes(digits):
    # Recorded from the first run of this code: published numbers depend on these 1,000 images.
    assert zlib.crc32(digits.test_images.tobytes()) == 3622483471


def test_mnist_from_prepared_files():
    folder = os.environ.get("TFDS_DATA_DIR") or str(_PREPARED)
    if not os.path.isdir(os.path.join(folder, "mnist")):
        pytest.skip("no prepared MNIST: TFDS_DATA_DIR is not set and ../shared/tfds is not there")
    mnist = datasets.load("mnist", data_dir=folder)
    assert mnist.train_images.shape == (60000, 28, 28, 1)
    assert mnist.test_images.shape == (10000, 28, 28, 1)
    assert mnist.train_images.dtype == np.uint8 and mnist.train_labels.dtype == np.int32
    assert mnist.image_shape == (28, 28, 1) and mnist.num_classes == 10
    # LeCun, Cortes & Burges: MNIST's test set has 980 zeros and 1,135 ones.
    np.testing.assert_array_equal(np.bincount(mnist.test_labels)[:2], [980, 1135])


def test_missing_data_says_what_to_do(tmp_path):
    with pytest.raises(datasets.DataError, match=r"--data_dir .* `tfds build mnist") as raised:
        datasets.load("mnist", data_dir=str(tmp_path))
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_environment_names_the_folder_when_no_argument_does(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(datasets.DataError, match=f"not found in {tmp_path}"):
        datasets.load("mnist")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(datasets.DataError, match=r"one of digits, mnist\. Received: 'mnits'"):
        datasets.load("mnits")
