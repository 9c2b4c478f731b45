import pathlib

import numpy as np
import pytest

from xadv_tf.data import cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "xadv_tf"


def _must_not_be_called():
    raise AssertionError("made twice")


def test_arrays_are_made_once(folder):
    made = {"a": np.arange(3), "b": np.eye(2)}
    assert cache.arrays("key", lambda: made) is made
    kept = cache.arrays("key", _must_not_be_called)
    assert set(kept) == {"a", "b"}
    np.testing.assert_array_equal(kept["b"], made["b"])
    assert [file.name for file in folder.iterdir()] == ["key.npz"]


@pytest.mark.parametrize("damage", [lambda x: x[:-9], lambda x: x[:90] + b"\xff" + x[91:], len])
def test_a_damaged_file_is_made_anew(folder, damage):
    made = {"a": np.zeros(100)}
    cache.arrays("key", lambda: made)
    file = folder / "key.npz"
    damaged = damage(file.read_bytes())
    file.write_bytes(b"" if isinstance(damaged, int) else damaged)
    again = {"a": np.ones(100)}
    assert cache.arrays("key", lambda: again) is again
    np.testing.assert_array_equal(cache.arrays("key", _must_not_be_called)["a"], again["a"])


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    made = {"a": np.arange(3)}
    assert cache.arrays("key", lambda: made) is made


def test_a_write_that_fails_leaves_nothing_behind(folder, monkeypatch):
    def full_disk(file, **made):
        pathlib.Path(file).write_bytes(b"PK half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    made = {"a": np.arange(3)}
    assert cache.arrays("key", lambda: made) is made
    assert list(folder.iterdir()) == []


def test_the_file_appears_whole(folder, monkeypatch):
    def savez(file, **made):
        assert not (folder / "key.npz").exists() and file.name != "key.npz"
        pathlib.Path(file).write_bytes(b"whole")

    monkeypatch.setattr(np, "savez", savez)
    cache.arrays("key", lambda: {"a": np.arange(3)})
    assert (folder / "key.npz").read_bytes() == b"whole"
