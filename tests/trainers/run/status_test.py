"""Tests of trainers/run/status.py."""

import json
import os
import threading

import pytest

from trainers.errors import PreemptedError, RunFailedError, UsageError
from trainers.run import status
from trainers.run.status import Status


def _read(workdir):
    return json.loads((workdir / "status.json").read_text())


def test_a_run_that_ends_well(tmp_path):
    run = Status(tmp_path, {"commit": "abc"})
    assert run.read() == {}
    with run.running():
        entries = _read(tmp_path)
        assert (entries["status"], entries["step"], entries["reason"]) == ("running", 0, None)
        assert (entries["pid"], entries["commit"]) == (os.getpid(), "abc")
        run.update(step=5)
        assert _read(tmp_path)["step"] == 5
    entries = _read(tmp_path)
    assert (entries["status"], entries["step"]) == ("done", 5)
    assert entries["started"] <= entries["updated"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (PreemptedError("stopped"), "preempted", None),
        (RunFailedError("l0 became nan"), "failed", "l0 became nan"),
        (KeyError("name"), "failed", "KeyError: 'name'"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
    ],
)
def test_a_run_that_does_not(tmp_path, error, state, reason):
    with pytest.raises(type(error)), Status(tmp_path).running():
        raise error
    entries = _read(tmp_path)
    assert (entries["status"], entries["reason"]) == (state, reason)
    with Status(tmp_path).running():  # Nothing of it holds the directory, and nothing is left.
        assert (_read(tmp_path)["status"], _read(tmp_path)["reason"]) == ("running", None)


def test_a_full_disk_takes_the_reason(tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    before = []
    with pytest.raises(RunFailedError), Status(tmp_path).running():
        monkeypatch.setattr(status, "write_aside", full)
        before.append((tmp_path / "status.json").open())
        raise RunFailedError("no room")
    assert (_read(tmp_path)["status"], _read(tmp_path)["reason"]) == ("failed", "no room")
    # It took the room of a file that was kept for it, whole: who was reading reads the old one.
    with before[0] as file:
        assert json.load(file)["status"] == "running"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "status.json"]
    (tmp_path / "status.json").unlink()
    with pytest.raises(OSError, match="No space left"), Status(tmp_path).running():
        raise AssertionError("started without a status")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\0\0"])
def test_a_damaged_status_is_named_and_written_anew(tmp_path, content):
    (tmp_path / "status.json").write_text(content)
    with pytest.warns(UserWarning, match=r"status\.json is damaged .*the run is not$"):
        with Status(tmp_path).running():
            pass
    assert _read(tmp_path)["status"] == "done"


def test_a_second_process_is_refused(tmp_path):
    with Status(tmp_path).running():
        before = _read(tmp_path)
        with (
            pytest.raises(UsageError, match=rf"in use .*Received: .*process {os.getpid()} on") as e,
            Status(tmp_path).running(),
        ):
            raise AssertionError("two at once")
        assert "\n" not in str(e.value)
        assert _read(tmp_path) == before


def test_a_run_that_goes_on_keeps_the_step_of_its_checkpoint_and_no_reason(tmp_path):
    with pytest.raises(RunFailedError), Status(tmp_path).running():
        raise RunFailedError("l0 became nan")
    run = Status(tmp_path)
    with run.running():
        run.update(step=5)
    with Status(tmp_path).running():
        entries = _read(tmp_path)
        assert (entries["status"], entries["step"], entries["reason"]) == ("running", 5, None)


def test_the_end_is_written_before_others_may_begin(tmp_path, monkeypatch):
    write, written = Status._write, []

    def write_locked(self):
        with pytest.raises(BlockingIOError), status.lock(tmp_path):
            raise AssertionError("another could begin")
        write(self)
        written.append(_read(tmp_path)["status"])

    monkeypatch.setattr(Status, "_write", write_locked)
    with Status(tmp_path).running():
        pass
    assert written == ["running", "done"]


def test_who_waits_for_the_lock_gets_it_when_it_is_free(tmp_path):
    done = []

    def wait():
        with status.lock(tmp_path, wait=True):
            done.append("second")

    thread = threading.Thread(target=wait)
    with status.lock(tmp_path):
        thread.start()
        thread.join(timeout=0.2)
        done.append("first")
    thread.join(timeout=60)
    assert done == ["first", "second"]
