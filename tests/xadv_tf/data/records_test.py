import hashlib
import os

import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.data import records
from xadv_tf.data.errors import DataError

# Of every length, so that one wrong offset would show in all that follow; the first byte is the
# label.
_CONTENT = [[bytes([i]) * (1 + 37 * i % 101) for i in range(n, n + 6)] for n in (0, 6, 12)]
_ALL = [record for content in _CONTENT for record in content]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "xadv_tf"


def _label(record):
    return tf.io.decode_raw(tf.strings.substr(record, 0, 1), tf.uint8)[0]


@pytest.fixture
def paths(tmp_path):
    paths = [str(tmp_path / f"{i}.tfrecord") for i in range(len(_CONTENT))]
    for path, content in zip(paths, _CONTENT, strict=True):
        with tf.io.TFRecordWriter(path) as writer:
            for record in content:
                writer.write(record)
    return paths


def _read(found, positions):
    """The records at these positions, read as a pipeline does it."""
    dataset = tf.data.Dataset.from_tensor_slices(np.array(positions, np.int32))
    return list(dataset.map(found.read).as_numpy_iterator())


def test_any_records_in_any_order(paths):
    found, labels = records.index(paths, _label)
    assert len(found) == 18
    np.testing.assert_array_equal(labels, range(18))
    assert labels.dtype == np.int32
    order = [17, 0, 6, 5, 11, 12, 6]
    assert _read(found, order) == [_ALL[i] for i in order]
    assert _read(found, range(18)) == _ALL


def test_an_empty_file_holds_no_records(paths, tmp_path):
    empty = str(tmp_path / "empty.tfrecord")
    tf.io.TFRecordWriter(empty).close()
    found, labels = records.index([empty, paths[0], empty, paths[1]], _label)
    assert len(labels) == 12
    assert _read(found, [7, 5, 6, 0]) == [_ALL[i] for i in (7, 5, 6, 0)]


def test_the_index_is_made_once(paths, cache, monkeypatch):
    first, labels = records.index(paths, _label)
    monkeypatch.setattr(records, "_index", None)
    again, labels_again = records.index(paths, _label)
    np.testing.assert_array_equal(labels_again, labels)
    assert _read(again, range(18)) == _ALL
    assert again.sha256 == first.sha256 == hashlib.sha256(b"".join(_ALL)).hexdigest()
    assert len(os.listdir(cache)) == 1


def test_changed_files_are_indexed_anew(paths):
    before, _ = records.index(paths, _label)
    with tf.io.TFRecordWriter(paths[1]) as writer:
        writer.write(b"\x07 another record")
    found, labels = records.index(paths, _label)
    np.testing.assert_array_equal(labels, [*range(6), 7, *range(12, 18)])
    assert _read(found, [6, 7]) == [b"\x07 another record", _ALL[12]]
    assert found.sha256 != before.sha256


def _same_time(path, content, like):
    """Writes a file of another content that was changed when `like` says."""
    with tf.io.TFRecordWriter(path) as writer:
        for record in content:
            writer.write(record)
    os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))


def test_size_and_time_of_change_each_tell_that_a_file_changed(paths):
    records.index(paths, _label)
    before = os.stat(paths[1])
    # The first byte is the label: 50 to 55 for 6 to 11, all else as it was.
    relabeled = [bytes([44 + record[0]]) + record[1:] for record in _CONTENT[1]]
    later = os.stat_result(before, {"st_atime_ns": 0, "st_mtime_ns": before.st_mtime_ns + 1000})
    _same_time(paths[1], relabeled, later)
    assert os.path.getsize(paths[1]) == before.st_size
    _, labels = records.index(paths, _label)
    np.testing.assert_array_equal(labels[6:12], range(50, 56))
    _same_time(paths[1], _CONTENT[1][:3], later)
    assert len(records.index(paths, _label)[0]) == 15


def test_another_order_of_the_files_is_another_index(paths):
    records.index(paths, _label)
    found, labels = records.index(paths[::-1], _label)
    np.testing.assert_array_equal(labels, [*range(12, 18), *range(6, 12), *range(6)])
    assert _read(found, [0, 17]) == [_ALL[12], _ALL[5]]


def test_a_file_that_changes_after_all_is_an_error(paths):
    found, _ = records.index(paths, _label)
    with tf.io.TFRecordWriter(paths[2]) as writer:
        writer.write(b"in other places" * 20)
    assert _read(found, [0]) == [_ALL[0]]
    with pytest.raises(tf.errors.DataLossError):
        _read(found, [13])


def test_damage_to_a_record_is_an_error(paths):
    found, _ = records.index(paths, _label)
    with open(paths[0], "r+b") as file:
        file.seek(12)  # The first byte of the first record.
        file.write(b"\xff")
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        _read(found, [0])


@pytest.mark.parametrize("cut", [1, 30])
def test_a_file_cut_short_is_named(cut, paths, cache):
    os.truncate(paths[1], os.path.getsize(paths[1]) - cut)
    with pytest.raises(DataError, match=f"{paths[1]} must be a whole TFRecord file") as raised:
        records.index(paths, _label)
    assert "\n" not in str(raised.value)
    assert not cache.exists()
