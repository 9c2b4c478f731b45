"""Ctrl-C in processes of their own, at every stage of a program's start."""

import pathlib
import signal
import subprocess
import sys

import pytest

from trainers.settings import interrupts

_ROOT = pathlib.Path(interrupts.__file__).parents[2]
_READY = "print('ready', flush=True); time.sleep(30)"


# Python leaves a signal ignored that a shell ignores for what it runs in the background.
_START = "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler); "


def _interrupt(code):
    with subprocess.Popen(  # noqa: S603 (this interpreter and the tests' own code)
        [sys.executable, "-c", _START + code],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    return process.returncode, complaint


@pytest.mark.parametrize("name", ["'-m'", "'/usr/bin/xadv-train'"])
def test_while_a_program_is_imported_it_ends_it_silently(name):
    ended = _interrupt(f"sys.argv = [{name}]; import trainers; {_READY}")
    assert ended == (-signal.SIGINT, "")


def test_who_imports_the_package_keeps_keyboard_interrupt():
    status, complaint = _interrupt(f"import trainers; {_READY}")
    assert complaint.endswith("KeyboardInterrupt\n")


def test_in_a_program_it_is_a_word(tmp_path):
    (tmp_path / "slow.py").write_text(f"import time; {_READY}")
    start = "sys.argv = ['-m']; import trainers; sys.argv = ['program']; "
    start += f"sys.path.insert(0, {str(tmp_path)!r}); from trainers.settings import program; "
    late = start + "program.run(lambda argv: program.Late('slow').run())"
    assert _interrupt(late) == (130, "interrupted before anything began\n")
    code = start + f"program.run(lambda argv: exec({_READY!r}))"
    assert _interrupt(code) == (130, "interrupted\n")


def test_one_that_is_ignored_or_attended_to_stays_so(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.end_at_once():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupts.raise_again()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
