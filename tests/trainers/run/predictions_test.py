import numpy as np
import pytest

from trainers.run import predictions
from trainers.run.records import DamagedError


def test_a_byte_an_image_and_two_beyond_256_classes():
    assert predictions.packed([0, 255]).dtype == np.uint8
    assert predictions.packed([0, 256]).dtype == np.uint16
    assert predictions.packed([0, 256]).tolist() == [0, 256]
    assert predictions.packed(np.zeros(0, np.int64)).tolist() == []


def test_what_is_written_is_read(tmp_path):
    assert predictions.read(tmp_path) is None
    predictions.write(tmp_path, np.array([1, 2]), np.array([1, 300]))
    predicted, labels = predictions.read(tmp_path)
    assert (predicted.tolist(), labels.tolist()) == ([1, 2], [1, 300])


@pytest.mark.parametrize(
    "arrays",
    [{"predicted": [1]}, {"predicted": [1], "labels": [1, 2]}, {"predicted": [], "labels": None}],
)
def test_other_content_is_damage(tmp_path, arrays):
    np.savez(tmp_path / predictions.NAME, **arrays)
    with pytest.raises(DamagedError, match=r"test_predictions.npz is damaged"):
        predictions.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\0" * 100])
def test_a_file_that_is_cut_is_damage(tmp_path, content):
    (tmp_path / predictions.NAME).write_bytes(content)
    with pytest.raises(DamagedError, match=r"holds no predictions"):
        predictions.read(tmp_path)
