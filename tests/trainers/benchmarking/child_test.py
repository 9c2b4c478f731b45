import os

import pytest

from trainers.benchmarking import child

_CHILD = """
import json, sys
task = json.loads(sys.argv[1])
print("first", task["number"])
print("second")
if task["number"] == 3:
    sys.exit("no threes")
print(json.dumps({"twice": 2 * task["number"]}))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "doubling.py").write_text(_CHILD)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), known]))
    return "doubling"


def test_progress_goes_to_stderr_and_the_last_line_is_the_result(module, capfd):
    assert child.run(module, {"number": 2}, what="two") == {"twice": 4}
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "  first 2\n  second\n")


def test_a_child_that_fails_has_said_why(module, capfd):
    message = r"measured three failed and has said why\. Received: exit status 1"
    with pytest.raises(RuntimeError, match=message):
        child.run(module, {"number": 3}, what="three")
    assert "no threes" in capfd.readouterr().err
