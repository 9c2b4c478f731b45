import pytest
import ready_process


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
    with ready_process.started(code) as process:
        process.terminate()
        assert process.communicate(timeout=60)[0] == b"saved\n"
