import os
import signal
import sys

import pytest
import ready_process

from trainers.evidence import calling


def test_a_programs_error_is_kept_back_and_its_warnings_are_not(capfd):
    code = "import sys; sys.stderr.write('warning: w\\nerror: one\\n two\\n'); sys.exit(2)"
    assert calling.attend([sys.executable, "-c", code]) == (2, "one\n two")
    assert capfd.readouterr().err == "warning: w\n"


@pytest.mark.parametrize(("ends", "expected"), [(75, 75), (1, 256 - 2), (0, 256 - 2)])
def test_a_program_that_is_interrupted_may_save(ends, expected):
    # As from a terminal: the signal comes to both.
    saving = f"""
import signal, sys, time
def save(*_): time.sleep(1); sys.exit({ends})
signal.signal(signal.SIGINT, save)
print("ready", flush=True)
signal.pause()
"""
    # And not ignored, as it is where a script has started the tests in the background.
    code = f"""
import signal, sys
from trainers.evidence import calling
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(calling.attend([sys.executable, "-c", {saving!r}])[0])
"""
    with ready_process.started(code) as process:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == expected
