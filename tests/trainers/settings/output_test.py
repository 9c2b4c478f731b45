"""What people cannot be shown ends no program: checked in processes of their own."""

import os
import pathlib
import subprocess
import sys

import pytest

from trainers.settings import output

_ROOT = pathlib.Path(output.__file__).parents[2]
# Prints more than a pipe or a buffer holds, by print and by rich, and ends well.
_TALK = """
import sys
from trainers.settings import program
from rich import console

def main(argv):
    for number in range(20_000):
        print(f"line {number} \\udcff ±", flush=True)
    console.Console().print("from rich \\u2500")
    print("complaint", file=sys.stderr)
    open(argv[1], "w").write("done")
    return 5

program.run(main)
"""


def _run(tmp_path, redirection, **environment):
    # A shell, for its redirections.
    ended = subprocess.run(  # noqa: S602 (this interpreter and the code above)
        f'"$PYTHON" -c "$CODE" {tmp_path}/done {redirection}',
        shell=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHON": sys.executable, "CODE": _TALK, **environment},
        capture_output=True,
        text=True,
    )
    assert (tmp_path / "done").read_text() == "done"
    return ended


@pytest.mark.parametrize(
    "redirection",
    ["", ">/dev/full 2>&1", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "| head -1; exit 5"],
)
def test_the_status_is_the_programs_wherever_its_output_goes(tmp_path, redirection):
    ended = _run(tmp_path, redirection)
    assert ended.returncode == 5
    assert ended.stderr in ("", "complaint\n")


def test_what_the_encoding_lacks_is_escaped(tmp_path):
    ended = _run(tmp_path, "", PYTHONIOENCODING="ascii")
    assert ended.stdout.startswith("line 0 \\udcff \\xb1\n") and ended.stderr == "complaint\n"


def test_a_closed_descriptor_is_not_given_to_a_file(tmp_path):
    # Else TensorFlow's words, which go to descriptor 2, would stand in a checkpoint.
    code = (
        "from trainers.settings import output; output.protect(); import os;"
        f"f = open('{tmp_path}/file', 'w'); os.write(2, b'words'); f.write('content')"
    )
    subprocess.run(["sh", "-c", f'{sys.executable} -c "{code}" 2>&-'], cwd=_ROOT, check=True)  # noqa: S603, S607
    assert (tmp_path / "file").read_text() == "content"
