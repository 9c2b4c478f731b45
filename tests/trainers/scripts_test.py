"""The console scripts that pyproject.toml declares."""

import importlib
import pathlib
import re
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_DECLARED = re.findall(
    r'^(xadv-[\w-]+) = "([\w.]+):(\w+)"$', (_ROOT / "pyproject.toml").read_text(), re.MULTILINE
)


def test_every_program_has_a_script_of_its_name():
    programs = {
        path.stem
        for path in (_ROOT / "trainers").glob("*.py")
        if re.search(r"^(def cli\(|cli = )", path.read_text(), re.MULTILINE)
    }
    assert {"train", "evaluate", "export", "figures", "reproduce", "benchmark"} <= programs
    assert {(f"xadv-{name.replace('_', '-')}", f"trainers.{name}", "cli") for name in programs} == {
        *_DECLARED
    }


@pytest.mark.parametrize(("name", "module", "function"), _DECLARED)
def test_every_script_resolves_to_a_callable(name, module, function):
    assert callable(getattr(importlib.import_module(module), function))


def test_a_script_starts_its_program():
    # What pip writes into the script's file.
    code = "import sys; from trainers.evaluate import cli; sys.exit(cli())"
    ended = subprocess.run(  # noqa: S603 (this interpreter and the code above)
        [sys.executable, "-c", code, "--workdir=/nowhere"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: --workdir must name directories of runs")
