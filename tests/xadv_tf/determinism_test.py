import os
import subprocess
import sys

import tensorflow as tf

# The only way back from enable_op_determinism; in a process of its own the test would take 8 s.
from tensorflow.python.framework import config

from xadv_tf import determinism

_TELL = "from xadv_tf import determinism; print(determinism.is_required())"


def test_it_is_what_the_environment_told():
    # TensorFlow reads the variable once.
    environment = {**os.environ, "TF_DETERMINISTIC_OPS": "1"}
    command = [sys.executable, "-c", _TELL]  # This interpreter and the code above.
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "True"


def test_it_is_what_tensorflow_was_told():
    before = determinism.is_required()
    try:
        config.disable_op_determinism()
        assert determinism.is_required() is False
        tf.config.experimental.enable_op_determinism()
        assert determinism.is_required() is True
    finally:
        if not before:
            config.disable_op_determinism()
