"""What a mistake costs: no program loads TensorFlow for --help or for flags that are wrong."""

import os
import pathlib
import subprocess
import sys

import pytest

import trainers

_ROOT = pathlib.Path(trainers.__file__).parents[1]
_PROGRAMS = sorted(
    file.stem for file in (_ROOT / "trainers").glob("*.py") if "if __name__ ==" in file.read_text()
)
# `python -m trainers.NAME`, and at its end, whatever it was, what it has loaded.
_CODE = """
import atexit, runpy, sys
heavy = ("tensorflow", "keras", "keras_tuner", "tensorflow_datasets", "scipy")
atexit.register(lambda: print("loaded:", *[name for name in heavy if name in sys.modules]))
name = sys.argv.pop(1)
runpy.run_module(f"trainers.{name}", run_name="__main__", alter_sys=True)
"""


def _start(program, *arguments, cwd=_ROOT, **environment):
    return subprocess.run(  # noqa: S603 (this interpreter and the code above)
        [sys.executable, "-c", _CODE, program, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("program", _PROGRAMS)
def test_help_and_mistakes_load_nothing_heavy(program, tmp_path):
    # A user's modules of our names in the current folder are not what is imported.
    for name in ("flags", "xadv_tf"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user\\'s')")
    shown = _start(program, "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.endswith("\nloaded:\n")
    wrong = _start(program, "--wrkdir=x", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "loaded:\n")
    assert wrong.stderr.startswith("error: this program has no flag --wrkdir")
    # These need no flag, have a data set by default, and ask matplotlib for its formats.
    if program not in ("benchmark", "prepare_data", "figures"):
        missing = _start(program, cwd=tmp_path)
        assert (missing.returncode, missing.stdout) == (2, "loaded:\n")
        assert missing.stderr.startswith("error: --") and missing.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("train", ["--workdir=w", "--method=vat", "--sparsity=1"]),
        ("train", ["--workdir=/dev/null/run"]),
        ("train", ["--workdir=w", "--strategy=multi_worker"]),
        ("train", ["--workdir=w", "--experiment=digits/none"]),
        ("tune", ["--workdir=w", "--num_validation=9", "--search=learning_rate=log:1"]),
        ("evaluate", ["--workdir=w,v"]),
        ("export", ["--workdir=w", "--output=o"]),
        ("figures", ["--workdir=w", "--output=o.gif"]),
        ("prepare_data", ["--dataset=imagenet"]),
        ("prepare_data", ["--dataset=mnist", "--raw_dir=."]),
        ("reproduce", ["--workdir=w", "--table=none"]),
        ("explain", ["--workdir=w", "--output=o", "--num_images=0"]),
        ("robustness", ["--workdir=w", "--attacks=none"]),
        ("benchmark", ["--methods=none"]),
        ("benchmark", ["--experiments=none.flags"]),
    ],
)
def test_what_flags_alone_tell_is_told_before_tensorflow_is_loaded(program, arguments, tmp_path):
    ended = _start(program, *arguments, cwd=tmp_path)
    assert ended.returncode == 2
    loaded = ended.stdout.removeprefix("loaded:").split()
    assert set(loaded) <= ({"scipy"} if program == "figures" else set())  # matplotlib's own.
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
    assert "Received: " in ended.stderr
    assert not list(tmp_path.iterdir())
