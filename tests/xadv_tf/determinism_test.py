import os
import subprocess
import sys

import pytest

_TELL = "from xadv_tf import determinism; print(determinism.is_required())"
_BY_TENSORFLOW = f"import tensorflow as tf; tf.config.experimental.enable_op_determinism(); {_TELL}"


@pytest.mark.parametrize(
    ("value", "code", "told"),
    [("0", _TELL, "False"), ("1", _TELL, "True"), ("0", _BY_TENSORFLOW, "True")],
)
def test_it_is_what_the_environment_or_tensorflow_was_told(value, code, told):
    environment = {**os.environ, "TF_DETERMINISTIC_OPS": value}
    command = [sys.executable, "-c", code]  # This interpreter and the code above.
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == told
