"""Tests of trainers/__init__.py: TensorFlow starts without chatter, and errors come through."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

# Stands for TensorFlow: writes, past sys.stderr, what its libraries write while they load.
_LIBRARY = """
import os
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written\\n")
os.write(2, b"I0000 port.cc:153] oneDNN custom operations are on. You may see\\n")
os.write(2, b"The TensorFlow library was compiled to use AVX512 instructions\\n")
"""
_ROOT = str(pathlib.Path(__file__).parents[2])
_KEPT = "The TensorFlow library was compiled to use AVX512 instructions\n"


def _start(code, folder=None, **environment):
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    kept["PYTHONPATH"] = os.pathsep.join([str(folder)] * bool(folder) + [_ROOT])
    return subprocess.run(  # noqa: S603 (this interpreter and the tests' own code)
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def library(tmp_path):
    package = tmp_path / "tensorflow"
    package.mkdir()
    (package / "__init__.py").write_text(_LIBRARY)
    return package / "__init__.py"


def test_tensorflow_starts_in_silence():
    done = _start("import trainers.train; import tensorflow as tf; tf.constant(1)")
    assert (done.returncode, done.stderr) == (0, "")


def test_trainers_alone_load_no_tensorflow():
    code = "import sys, trainers.reproduce; sys.exit('tensorflow' in sys.modules)"
    assert _start(code).returncode == 0


def test_only_chatter_is_dropped(library):
    done = _start("import trainers, tensorflow, os; os.write(2, b'after\\n')", library.parents[1])
    assert done.stderr == _KEPT + "after\n"


def test_last_words_of_a_library_that_aborts_come_through(library):
    library.write_text(_LIBRARY + "os.abort()\n")
    done = _start("import trainers, tensorflow", library.parents[1])
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == _KEPT


def test_an_import_error_comes_through(library):
    library.write_text(_LIBRARY + "import no_such_module\n")
    done = _start("import trainers, tensorflow", library.parents[1])
    assert done.returncode == 1
    assert done.stderr.startswith(_KEPT)
    assert "No module named 'no_such_module'" in done.stderr


def test_level_0_shows_everything(library):
    done = _start("import trainers, tensorflow", library.parents[1], TF_CPP_MIN_LOG_LEVEL="0")
    assert "oneDNN" in done.stderr and "absl::InitializeLog" in done.stderr


def test_programs_that_call_programs_stay_silent(library):
    code = "import trainers, subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])".format(
        "import trainers, tensorflow"
    )
    assert _start(code, library.parents[1]).stderr == _KEPT
