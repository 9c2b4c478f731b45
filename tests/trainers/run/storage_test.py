"""Tests of trainers/run/storage.py: whole or not there, on the disk before it has its name."""

import os
import pathlib

import pytest
import tensorflow as tf

from trainers.errors import RunFailedError, UsageError
from trainers.run import storage


@pytest.fixture
def calls(monkeypatch):
    """What is asked of the system, in order: ("fsync", name of the file), ("rename", its name)."""
    asked = []
    fsync = os.fsync

    def noted_fsync(descriptor):
        asked.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        fsync(descriptor)

    def noted(function):
        def renamed(self, target):
            asked.append(("rename", pathlib.Path(target).name))
            return function(self, target)

        return renamed

    monkeypatch.setattr(os, "fsync", noted_fsync)
    for name in ("rename", "replace"):
        monkeypatch.setattr(pathlib.Path, name, noted(getattr(pathlib.Path, name)))
    return asked


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="tells which file it is")


@needs_proc
def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, calls):
    storage.write_aside(tmp_path / "a.json", "text")
    assert (tmp_path / "a.json").read_text() == "text"
    assert calls == [("fsync", "a.json.partial"), ("rename", "a.json")]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    storage.write_aside(tmp_path / "a.json", "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        storage.write_aside(tmp_path / "a.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


@needs_proc
def test_a_directory_is_on_the_disk_before_and_its_name_after(tmp_path, calls):
    with storage.directory_aside(tmp_path / "7") as aside:
        (aside / "state").write_text("content")
        assert not (tmp_path / "7").exists()
    assert (tmp_path / "7" / "state").read_text() == "content"
    # The file, the list of files in the directory, the new name, the list that has the name.
    assert calls == [
        ("fsync", "state"), ("fsync", "7.partial"), ("rename", "7"), ("fsync", tmp_path.name)
    ]  # fmt: skip


def test_a_directory_that_is_not_filled_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), storage.directory_aside(tmp_path / "7") as aside:
        (aside / "half").write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_directory_replaces_what_a_killed_process_left(tmp_path):
    for name in ("7", "7.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    with storage.directory_aside(tmp_path / "7") as aside:
        (aside / "new").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["7"]
    assert [path.name for path in (tmp_path / "7").iterdir()] == ["new"]


def test_a_directory_that_can_be_made_is_not_made_yet(tmp_path):
    storage.refuse_unwritable(tmp_path / "a" / "b", flag="--workdir")
    storage.refuse_unwritable(tmp_path, flag="--workdir")
    assert not list(tmp_path.iterdir())


def test_what_lies_on_the_way_to_a_directory_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=rf"^--output must .* \({tmp_path}/file is no directory\)"):
        storage.refuse_unwritable(tmp_path / "file" / "b", flag="--output")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match="link is no directory"):
        storage.refuse_unwritable(tmp_path / "link", flag="--output")


def test_a_directory_without_permission_is_refused(tmp_path, monkeypatch):
    # Asked of the system and not tried out: root may write anywhere.
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(
        UsageError, match=rf"Received: --output={tmp_path}/b \({tmp_path} is not writ"
    ):
        storage.refuse_unwritable(tmp_path / "b", flag="--output")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
    ],
    ids=["system", "tensorflow"],
)
def test_a_full_disk_is_a_sentence(error):
    with (
        pytest.raises(RunFailedError, match=r"^the log could not be written \(No space left on de"),
        storage.storing("the log"),
    ):
        raise error
    with pytest.raises(KeyError), storage.storing("the log"):
        raise KeyError("a bug is none")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(2, "No such file"), "No such file"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), ""),
        (
            tf.errors.DataLossError(None, None, "{{function_node __a}} cut [Op:Read] name: \nmore"),
            "cut  name:",
        ),
    ],
)
def test_a_reason_is_one_line_without_tensorflows_places(error, text):
    assert storage.reason(error) == text


def test_a_workspace_is_gone_at_the_end_and_what_was_made_in_it_stays(tmp_path):
    root = tmp_path / "deep" / "root"
    with pytest.raises(KeyError), storage.workspace(root) as aside:
        (aside / "half").touch()
        raise KeyError
    assert not list(root.iterdir())
    with storage.workspace(root) as aside:
        (aside / "whole").touch()
        aside.rename(root / "1")
    assert [path.name for path in root.iterdir()] == ["1"]
    assert (root / "1" / "whole").exists()


def test_a_workspace_clears_what_killed_processes_left_and_nothing_else(tmp_path):
    for name in (".7.partial", "7.partial", ".a.partial", ".7.partial.png"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").touch()
    kept = ["7.partial", ".a.partial", ".7.partial.png"]
    # Another process at work is one that holds its lock: another descriptor does.
    (tmp_path / ".8.partial").mkdir()
    with storage._locked(tmp_path / ".8.partial"), storage.workspace(tmp_path) as aside:
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {*kept, ".8.partial", aside.name}
    with storage.workspace(tmp_path) as aside:
        assert {path.name for path in tmp_path.iterdir()} == {*kept, aside.name}
