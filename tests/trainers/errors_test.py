import subprocess
import sys

import pytest
import tensorflow as tf

from trainers import errors
from trainers.errors import RunFailedError, UsageError

# As TensorFlow 2.21 writes it.
_OF_A_GRAPH = """Graph execution error:

Detected at node MaxPoolGrad defined at (most recent call last):
  File "steps.py", line 11, in <module>

<stack traces unavailable>
no deterministic gradient
\t [[{{node MaxPoolGrad}}]] [Op:__inference_step_12]"""


def test_errors_from_outside_are_those_of_disks_memory_and_tensorflow():
    kinds = errors.from_outside(KeyError)
    for error in (OSError(), MemoryError(), tf.errors.DataLossError(None, None, ""), KeyError()):
        assert isinstance(error, kinds)
    assert not isinstance(ValueError(), kinds)
    # Asking does not import TensorFlow.
    code = "import sys; from trainers import errors; errors.from_outside()"
    code += "; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 (the code above)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("--a must be b.\n  there c"), "--a must be b.\n  there c"),
        (RunFailedError("a {{node x}} became nan"), "a became nan"),
        (OSError(28, "No space left on device", "a/b"), "a/b: No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("{{function_node __f}} no room [Op:Add] name: \nmore"), "no room  name:"),
        (tf.errors.DataLossError(None, None, "{{function_node f}} truncated"), "truncated"),
        (MemoryError(), "MemoryError"),
        (tf.errors.UnimplementedError(None, None, _OF_A_GRAPH), "no deterministic gradient"),
    ],
)
def test_what_is_said_of_an_error(error, said):
    assert errors.sentence(error) == said
