import json
import re
import types

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import benchmark, command_line
from trainers.timed_step import Setting

TINY = Setting("mlp", (4, 4, 1), 2, 3, num_labeled=5, num_pool=7)


def _main(*arguments):
    with flagsaver.flagsaver():
        return benchmark.main(["", *command_line.parse(absl_flags.FLAGS, arguments)])


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(benchmark, "SETTINGS", {"mlp": TINY})
    for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(threads, "1")  # other tests use the cores


def test_a_small_run_from_flags_to_table_and_json(tiny, tmp_path, capfd):
    output = tmp_path / "speed.json"
    flags = ["--models=mlp", "--methods=mle", "--precisions=float32"]
    limits = ["--repeats=3", "--seconds=0.01", f"--output={output}"]
    assert _main(*flags, *limits) == 0
    printed = capfd.readouterr()
    assert "MLE" in printed.out and str(output) in printed.out
    assert "[1/1] mlp, float32" in printed.err
    assert "mle: compiling" in printed.err
    report = json.loads(output.read_text())
    assert {"commit", "hardware", "tensorflow", "keras", "numpy", "python"} <= set(report)
    (setting,) = report["settings"]
    assert setting["peak"]["dtype"] == "float32"
    (row,) = setting["rows"]
    assert len(row["bare"]) == len(row["loop"]) == 3
    assert row["milliseconds"] > 0
    assert row["peak_memory_bytes"] > 50e6


def test_a_child_that_fails_ends_the_run_with_its_words(tiny, monkeypatch, capfd):
    child = types.SimpleNamespace(__name__="trainers.no_such_module", FEWEST_ROUNDS=3)
    monkeypatch.setattr(benchmark, "step_timing", child)
    assert _main("--models=mlp", "--methods=mle,at", "--precisions=float32") == 1
    lines = capfd.readouterr().err.splitlines()
    assert "no_such_module" in lines[-2]
    assert lines[-1].startswith("error: The process that measured mle, at failed and has said why.")
    assert lines[-1].endswith("Received: exit status 1")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=resnet", "--models must name some of mlp, conv_large, each once. Received: --m"),
        ("--methods=vat,vat", "--methods must name some of mle, at, .* Received: --methods=vat,v"),
        ("--precisions=", "--precisions must name some of float32, .* Received: --precisions="),
        ("--jits=auto", "--jits must name some of off, on, each once. Received: --jits=auto"),
        ("--output=no/such/folder/x.json", "--output must name a file .* Received: --output=no/s"),
        ("--output=.", "--output must name a file .* Received: --output=."),
        ("--model=mlp", "this program has no flag --model; see --help. Received: --model=mlp"),
        ("mlp", "flags start with --. Received: mlp"),
    ],
)
def test_wrong_flags_end_in_one_sentence(flag, message, capsys):
    assert _main(flag) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(f"error: {message}.*\n", printed.err)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--repeats=2", r"Received: --repeats=2"),
        ("--repeats=x", r"Received: --repeats=x"),
        ("--seconds=0", r"--seconds must be above 0\. Received: --seconds=0\.0"),
    ],
)
def test_numbers_out_of_range(flag, message):
    with pytest.raises(command_line.UsageError, match=message):
        _main(flag)
