import numpy as np
import pytest

from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError


def _dataset(**changes):
    arguments = {
        "name": "own",
        "num_classes": 3,
        "image_shape": (4, 5, 1),
        "train_images": np.zeros((6, 4, 5, 1), np.uint8),
        "train_labels": np.arange(6, dtype=np.int32) % 3,
        "test_images": np.zeros((3, 4, 5, 1), np.uint8),
        "test_labels": np.arange(3, dtype=np.int32),
    }
    return Dataset(**(arguments | changes))


def test_a_whole_data_set_is_taken():
    assert _dataset().num_classes == 3
    assert _dataset().class_names == ("0", "1", "2")
    assert _dataset(class_names=("a", "b", "c")).class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": (4, 5, 2)}, r"1 or 3 channels\. Received: .*\(4, 5, 2\)"),
        ({"num_classes": 1}, r"two classes or more\. Received: 1"),
        ({"class_names": ("a", "b")}, r"each of its 3 classes\. Received: 2 names"),
        (
            {"num_classes": 2},
            r"training labels .* in \[0, 2\), or be -1 for none\. Received: labels from 0 to 2",
        ),
        ({"test_labels": np.array([0, 1, -1])}, r"test labels .* Received: labels from -1 to 1"),
        ({"train_labels": np.zeros(5, int)}, r"a label for each\. Received: .*labels \(5,\)"),
        ({"test_images": np.zeros((0, 4, 5, 1))}, r"at least one, .* images \(0, 4, 5, 1\)"),
        ({"test_images": np.zeros((3, 5, 4, 1))}, r"test set .* images \(3, 5, 4, 1\)"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        _dataset(**changes)
    assert "\n" not in str(caught.value)
