import pytest

from trainers.errors import UsageError
from trainers.run import records


def test_what_was_written_is_read(tmp_path):
    file = tmp_path / "a.json"
    assert records.read(file) is None
    assert records.read_if_sound(file, otherwise="x") == {}
    assert records.read(tmp_path / "no" / "folder") is None
    file.write_text('{"a": 1}')
    assert records.read(file, needs=["a"]) == {"a": 1}
    assert records.read_if_sound(file, needs=["a"], otherwise="x") == {"a": 1}
    file.write_text("")
    assert records.read(file / "below") is None


_DAMAGED = {
    "empty": b"",
    "blank": b" \n",
    "zeros": bytes(4096),
    "cut": b'{"a": 1, "b',
    "binary": bytes(range(256)),
    "a list": b"[]",
    "a number": b"7",
    "without what it needs": b"{}",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", _DAMAGED)
def test_what_is_damaged_is_named(tmp_path, kind):
    file = tmp_path / "a.json"
    file.write_bytes(_DAMAGED[kind])
    with pytest.raises(records.DamagedError, match=r"a\.json is damaged \(it .*\)$") as caught:
        records.read(file, needs=["a"])
    assert isinstance(caught.value, UsageError)
    with pytest.warns(UserWarning, match=r"is damaged \(.*\); we go on$"):
        assert records.read_if_sound(file, needs=["a"], otherwise="we go on") == {}


def test_a_folder_in_a_files_place_is_named(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(records.DamagedError, match="cannot be read"):
        records.read(tmp_path / "a.json")
