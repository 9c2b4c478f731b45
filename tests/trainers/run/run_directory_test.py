import json
import os
import pathlib
import time

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from trainers.errors import RunFailedError, UsageError
from trainers.run import run_directory
from trainers.run.run_directory import RunDirectory
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags

_FLAGS = experiment_lib.to_flagfile(experiment_lib.parse(["--method=mle"]))


def _directory(tmp_path, flags=_FLAGS):
    return RunDirectory(str(tmp_path / "run"), flags)


def _lines(directory):
    return (directory.path / "metrics.jsonl").read_text().splitlines()


def _scalars(directory, kind):
    """{tag: [(step, value)]} as TensorBoard shows them."""
    read = EventAccumulator(str(directory.path / kind)).Reload()
    return {
        tag: [(e.step, tf.make_ndarray(e.tensor_proto).item()) for e in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }


def test_nothing_is_written_before_it_is_opened(tmp_path):
    directory = _directory(tmp_path)
    assert (directory.result, directory.status) == (None, {})
    assert not list(tmp_path.iterdir())


def test_a_run_from_beginning_to_end(tmp_path, result):
    directory = _directory(tmp_path)
    with directory.opened():
        assert directory.status["status"] == "running"
        directory.start_at(0, 0)
        directory.saved(7)
        assert directory.status["step"] == 7
        directory.finish(result)
    assert directory.status["status"] == "done"
    again = _directory(tmp_path)
    assert again.result == result
    assert again.status == directory.status


def test_config_flags_says_where_it_is_from_and_is_a_flagfile(tmp_path, monkeypatch):
    monkeypatch.setattr(run_directory, "provenance", lambda: {"commit": "abc", "python": "3"})
    directory = _directory(tmp_path)
    with directory.opened():
        pass
    config = directory.path / "config.flags"
    assert config.read_text() == run_flags.text(_FLAGS, {"commit": "abc", "python": "3"})
    assert experiment_lib.to_flagfile(experiment_lib.parse([f"--flagfile={config}"])) == _FLAGS
    # What made the run stands there, not who goes on with it.
    monkeypatch.setattr(run_directory, "provenance", lambda: {"commit": "def"})
    with _directory(tmp_path).opened():
        pass
    assert config.read_text().startswith("# commit: abc\n")


def test_other_flags_are_refused_before_anything_is_written(tmp_path):
    with _directory(tmp_path).opened():
        pass
    before = (tmp_path / "run" / "status.json").read_text()
    with pytest.raises(UsageError, match="--workdir holds a run with other flags"):
        _directory(tmp_path, _FLAGS.replace("--seed=1", "--seed=2"))
    assert (tmp_path / "run" / "status.json").read_text() == before


def test_a_place_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="--workdir must be a writable directory"):
        _directory(tmp_path)


def test_a_directory_that_can_no_longer_be_made_is_refused(tmp_path):
    directory = _directory(tmp_path)
    (tmp_path / "run").touch()  # Meanwhile.
    with pytest.raises(UsageError, match=r"writable directory\. .*\(File exists\)"):
        with directory.opened():
            raise AssertionError("opened")


def test_splits_go_to_the_logs_of_training_and_of_evaluation(tmp_path):
    directory = _directory(tmp_path)
    with directory.opened():
        directory.start_at(0, 0)
        directory.log(2, "train", {"l0": 1.5, "learning_rate/mask": 0.5}, {"pace": 9.0})
        directory.log(3, "validation", {"accuracy": 0.25})
        directory.log(3, "test", {"accuracy": 0.75})
    # What is not the same in a repeated run is not among the metrics.
    assert list(map(json.loads, _lines(directory))) == [
        {"step": 2, "split": "train", "l0": 1.5, "learning_rate/mask": 0.5},
        {"step": 3, "split": "validation", "accuracy": 0.25},
        {"step": 3, "split": "test", "accuracy": 0.75},
    ]
    assert _scalars(directory, "train") == {
        "train/l0": [(2, 1.5)],
        "learning_rate/mask": [(2, 0.5)],
        "train/pace": [(2, 9.0)],
    }
    assert _scalars(directory, "eval") == {
        "validation/accuracy": [(3, 0.25)],
        "test/accuracy": [(3, 0.75)],
    }


def test_what_was_logged_after_a_checkpoint_is_forgotten(tmp_path):
    directory = _directory(tmp_path)
    with directory.opened():
        directory.start_at(0, 0)
        directory.log(3, "train", {"l0": 2.0})
        size = directory.sync()
        directory.log(4, "train", {"l0": 4.0})
    time.sleep(1.1)  # TensorBoard reads files in the order of the seconds in their names.
    again = _directory(tmp_path)
    with again.opened():
        again.start_at(3, size)
        again.log(4, "train", {"l0": 5.0})
    assert [json.loads(line)["l0"] for line in _lines(again)] == [2.0, 5.0]
    assert _scalars(again, "train") == {"train/l0": [(3, 2.0), (4, 5.0)]}


def test_metrics_are_on_the_disk_when_their_size_is_told(tmp_path, monkeypatch):
    directory, synced = _directory(tmp_path), []
    with directory.opened():
        directory.start_at(0, 0)
        directory.log(1, "train", {"l0": 1.0})
        monkeypatch.setattr(os, "fsync", lambda d: synced.append(os.fstat(d).st_size))
        size = directory.sync()
        monkeypatch.undo()
    assert synced == [size] == [(directory.path / "metrics.jsonl").stat().st_size]


def test_a_disk_that_refuses_is_a_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    directory = _directory(tmp_path)
    with pytest.raises(RunFailedError, match="^the logs in .*/run could not be written"):
        with directory.opened():
            directory.start_at(0, 0)
            monkeypatch.setattr(pathlib.Path, "open", full)
            directory.log(1, "train", {"l0": 1.0})


@pytest.mark.parametrize("kept", [0, 1, 40, 60])
def test_lines_that_are_lost_are_said_and_no_zeros_take_their_place(tmp_path, kept):
    directory = _directory(tmp_path)
    with directory.opened():
        directory.start_at(0, 0)
        for step in (1, 2, 3):
            directory.log(step, "train", {"l0": 1.0})
        size = directory.sync()
        (line, *_) = _lines(directory)
    os.truncate(directory.path / "metrics.jsonl", kept)
    again = _directory(tmp_path)
    with again.opened():
        # Whole lines stay; each has the length of the first, and its end.
        whole = kept // (len(line) + 1)
        with pytest.warns(UserWarning, match=f"lacks {size - whole * (len(line) + 1)} bytes"):
            again.start_at(3, size)
        again.log(4, "train", {"l0": 4.0})
    steps = [json.loads(line)["step"] for line in _lines(again)]
    assert steps == [*range(1, whole + 1), 4]


@pytest.mark.parametrize("content", [b"", b"--seed=1\n", b"\xff\x00"])
def test_a_damaged_config_is_written_anew(tmp_path, content):
    with _directory(tmp_path).opened():
        pass
    config = tmp_path / "run" / "config.flags"
    before = config.read_text()
    config.write_bytes(content)
    with pytest.warns(UserWarning, match="config.flags is damaged"):
        directory = _directory(tmp_path)
    with directory.opened():
        pass
    assert config.read_text() == before
