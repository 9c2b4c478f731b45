import pathlib
import subprocess
import sys

import pytest

from trainers import called


# To this process alone, as by `kill` or a batch system, whether its main thread waits or another.
@pytest.mark.parametrize("waits", ["wait()", "ThreadPoolExecutor(1).submit(wait).result()"])
def test_a_program_ends_with_the_one_that_called_it(waits):
    saving = """
import signal, sys
def save(*_): print("saved", flush=True); sys.exit(75)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
signal.pause()
"""
    code = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from trainers.called import ending_together, started
command = [sys.executable, "-c", {saving!r}]
def wait():
    with started(command) as process:
        process.wait()
with ending_together():
    {waits}
"""
    with subprocess.Popen(  # noqa: S603 (this interpreter and the test's own code)
        [sys.executable, "-c", code],
        cwd=pathlib.Path(called.__file__).parents[1],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.stdout.read() == b"saved\n"
