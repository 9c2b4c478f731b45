import json

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


def test_a_damaged_result_is_that_of_a_run_that_is_not_finished(tmp_path, result):
    assert records.result(tmp_path) is None
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert records.result(tmp_path) == result
    for damaged in (
        json.dumps({**result, "seed": 1})[:-5],
        json.dumps({**result, "test_accuracy": "0.5"}),
        json.dumps({**result, "milliseconds_per_step": None}),
    ):
        (tmp_path / "result.json").write_text(damaged)
        with pytest.warns(UserWarning, match=r"result\.json is damaged .* counts as not finished"):
            assert records.result(tmp_path) is None


def test_a_directory_of_a_finished_run_need_not_be_writable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--workdir must be a writable directory"):
        records.refuse_other_run(str(tmp_path / "file" / "run"), "")
    records.refuse_other_run(str(tmp_path / "run"), "")
    assert not (tmp_path / "run").exists()
