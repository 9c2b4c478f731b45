"""Runs that cannot go on: what they say, what they leave, and how they go on when they can."""

import json
import os
import pathlib
import resource
import signal

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import errors, train
from trainers.run import assembly
from trainers.run.loop import Loop
from trainers.run.run_directory import RunDirectory

_FLAGS = [
    "--workdir=run",
    "--dataset=tiny.npz",
    "--num_labeled=20",
    "--labeled_batch_size=10",
    "--unlabeled_batch_size=20",
    "--train_steps=5",
    "--log_every=1",
    "--checkpoint_every=1",
]


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny()


def _main(*flags):
    with flagsaver.flagsaver():
        return train.main(absl_flags.FLAGS(["train", *_FLAGS, *flags]))


def _status():
    status = json.loads(pathlib.Path("run/status.json").read_text())
    return status["status"], status["step"], status["reason"]


def _checkpoints():
    return sorted(path.name for path in pathlib.Path("run/checkpoints").iterdir())


def test_a_loss_that_diverges_ends_the_run(capfd):
    # Adam's first step moves every weight by the learning rate: in the second, activations pass
    # 1e30 and 1e60, beyond float32. Which log is the first to show it depends on dead units.
    flags = ["--method=xvat", "--model=mnist_cnn", "--learning_rate=1e30"]
    assert _main(*flags) == 1
    error = capfd.readouterr().err
    reason = error.removeprefix("error: ").removesuffix("\n")
    name, rest = reason.split(" became ")
    assert rest.partition(" ")[2] == "in step 2; the last good checkpoint is run/checkpoints/1"
    assert _status() == ("failed", 1, reason)
    assert _checkpoints() == ["1"]
    (line,) = pathlib.Path("run/metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 1
    assert name in json.loads(line)
    assert _main(*flags) == 1
    out, err = capfd.readouterr()
    assert err == f"error: {reason}\n"
    assert f"failed before ({reason}); going on from step 1\n" in out


def test_a_state_that_is_not_finite_is_not_saved(capfd, monkeypatch):
    step = train.Loop.run

    def ruin(self, num_steps):
        rows = step(self, num_steps)
        if self.step == 3:
            self.method.classifier.weights[0].assign(self.method.classifier.weights[0] * np.nan)
        return rows

    monkeypatch.setattr(train.Loop, "run", ruin)
    assert _main("--method=mle") == 1
    error = capfd.readouterr().err
    assert "kernel is no longer finite after step 3; the last good checkpoint is run" in error
    assert _checkpoints() == ["1", "2"]
    monkeypatch.setattr(train.Loop, "run", step)
    assert _main("--method=mle", "--quiet") == 0
    assert _status() == ("done", 5, None)


@pytest.fixture
def limit_files():
    """Sets the size from which on no file can grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_ends_the_run(capfd, monkeypatch, limit_files):
    # Stands for a full disk: the first checkpoint is written, then no large file is.
    saved = RunDirectory.saved

    def fill(self, step):
        saved(self, step)
        limit_files(100_000)

    monkeypatch.setattr(RunDirectory, "saved", fill)
    assert _main("--method=mle") == 1
    error = capfd.readouterr().err
    assert error.startswith("error: the checkpoint run/checkpoints/2 could not be written (")
    assert error.endswith("; the last good checkpoint is run/checkpoints/1\n")
    assert error.count("\n") == 1 and "function_node" not in error
    assert _status() == ("failed", 1, error.removeprefix("error: ").strip())
    assert _checkpoints() == ["1"]


def test_a_finished_run_is_left_as_it_is(capfd):
    assert _main("--method=mle", "--quiet") == 0
    assert capfd.readouterr() == ("", "")
    files = {path: path.stat().st_mtime_ns for path in pathlib.Path("run").rglob("*")}
    assert _main("--method=mle", "--quiet") == 0
    assert capfd.readouterr() == ("", "")
    assert _main("--method=mle") == 0
    assert "run holds a finished run; there is nothing to do.\n" in capfd.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in pathlib.Path("run").rglob("*")} == files


def test_an_unwritable_directory_is_refused(capfd, monkeypatch):
    monkeypatch.setattr(assembly, "prepare", None)  # It is not even called.
    pathlib.Path("run").write_text("a file")
    assert _main("--method=mle") == 2
    error = capfd.readouterr().err
    assert error.startswith(
        "error: --workdir must be a writable directory. Received: --workdir=run"
    )
    assert error.count("\n") == 1


def test_what_tensorflow_cannot_do_ends_the_run(capfd, monkeypatch):
    # Stands for a batch too large for a GPU, or a damaged file of a stream.
    def run(self, steps):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor [Op:MatMul]")

    monkeypatch.setattr(Loop, "run", run)
    assert _main("--method=mle", "--quiet") == 1
    assert capfd.readouterr().err == (
        "error: TensorFlow failed after step 0 (OOM when allocating tensor); "
        "no checkpoint was saved yet\n"
    )


def test_a_signal_before_the_first_step_leaves_nothing(capfd, monkeypatch):
    prepare = assembly.prepare

    def interrupted(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return prepare(*args, **kwargs)

    monkeypatch.setattr(assembly, "prepare", interrupted)
    assert _main("--method=mle", "--quiet") == errors.PREEMPTED
    assert "stopped before its first step; this goes on" in capfd.readouterr().err
    assert not pathlib.Path("run").exists()


def test_a_run_killed_after_its_result_is_done(capfd):
    assert _main("--method=mle", "--quiet") == 0
    status = pathlib.Path("run/status.json")
    status.write_text(status.read_text().replace('"done"', '"running"'))
    assert _main("--method=mle", "--quiet") == 0
    assert _status() == ("done", 5, None)
