"""Tests of trainers/run/preemption.py, in processes that may end; none of them needs TensorFlow."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest

_ROOT = pathlib.Path(__file__).parents[3]
# Hashing releases the interpreter's lock as TensorFlow does, and like it runs no Python for long.
_BUSY = """
import hashlib
from trainers.run.preemption import Preemption
with Preemption() as preemption:
    print("ready", flush=True)
    # At least one: a signal may come before it, as before a long step.
    busy = True
    while busy:
        hashlib.pbkdf2_hmac("sha256", b"", b"", {rounds})
        busy = not preemption.requested()
print("saved", flush=True)
"""


def _start(rounds):
    process = subprocess.Popen(  # noqa: S603 (this interpreter and the test's own code)
        [sys.executable, "-c", _BUSY.format(rounds=rounds)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_is_a_request(number):
    process = _start(rounds=1000)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "saved\n")
    assert err == "stopping after the present steps; a second signal stops at once\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_one_does_not_wait_for_what_runs(number):
    process = _start(rounds=2**31 - 1)  # A quarter of an hour.
    process.send_signal(number)
    assert process.stderr.readline().startswith("stopping")
    if number == signal.SIGTERM:
        time.sleep(2.5)  # Until then it is the first one.
    start = time.monotonic()
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert time.monotonic() - start < 30
    assert (process.returncode, out) == (128 + number, "")


def test_a_request_that_comes_by_two_ways_is_one():
    process = _start(rounds=2_000_000)  # About a second.
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline().startswith("stopping")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "saved\n")


def test_signals_are_given_back():
    code = """
import os, signal
from trainers.run.preemption import Preemption
before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
for _ in range(2):
    with Preemption() as preemption:
        assert not preemption.requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert preemption.requested()
assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
assert signal.set_wakeup_fd(-1) == -1
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=False)  # noqa: S603
    assert done.returncode == 0
