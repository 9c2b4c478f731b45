import os
import signal
import threading
import time

import pytest

from trainers import errors
from trainers.errors import PreemptedError, RunFailedError
from trainers.tuning import trials


@pytest.fixture
def program(monkeypatch, tmp_path):
    """(script) -> makes it what stands for Python and with it for trainers.train."""

    def make(script):
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o700)
        monkeypatch.setattr(trials.sys, "executable", str(file))

    return make


def test_a_run_reaches_its_end_or_stops_before(program, tmp_path):
    program(f'shift; echo "$@" > {tmp_path}/arguments')
    assert trials._train(["--seed=1", "--notest"]) is True
    command = (tmp_path / "arguments").read_text()
    assert "run_module('trainers.train'," in command and command.endswith(" --seed=1 --notest\n")
    program(f"exit {errors.PREEMPTED}")
    assert trials._train([]) is False


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            'echo "a warning\nerror: divergence became nan in step 3" >&2; exit 1',
            "^divergence .* 3",
        ),
        ('echo "error: --xi must be above 0" >&2; exit 2', "^--xi must be above 0$"),
        ("kill -9 $$", "^trainers.train ended with status -9$"),
    ],
)
def test_a_run_that_ends_otherwise_has_failed(program, script, message):
    program(script)
    with pytest.raises(RunFailedError, match=message):
        trials._train([])


def test_what_a_crash_leaves_is_passed_on(program, capsys):
    program('echo "Fatal Python error: Aborted" >&2; exit 134')
    with pytest.raises(RunFailedError, match="status 134"):
        trials._train([])
    assert capsys.readouterr().err == "Fatal Python error: Aborted\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_once(program, tmp_path, number):
    # The run notes each signal, and takes a while to save.
    program(
        f"trap 'echo stop >> {tmp_path}/noted; sleep 1; exit {errors.PREEMPTED}' TERM INT\n"
        f"touch {tmp_path}/ready\nwhile true; do sleep 0.1; done"
    )

    def send():
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(PreemptedError):
        trials._train([])
    thread.join()
    assert (tmp_path / "noted").read_text() == "stop\n"
