import json
import re
import types

import pytest

from trainers import benchmark
from trainers.timed_step import Setting

TINY = Setting("mlp", (4, 4, 1), 2, 3, num_labeled=5, num_pool=7)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(benchmark, "SETTINGS", {"mlp": TINY})
    for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(threads, "1")  # other tests use the cores


def test_a_small_run_from_flags_to_table_and_json(tiny, tmp_path, capfd):
    output = tmp_path / "speed.json"
    flags = ["--models=mlp", "--methods=mle", "--precisions=float32"]
    limits = ["--repeats=3", "--seconds=0.01", f"--output={output}"]
    assert benchmark.main(["", *flags, *limits]) == 0
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
    assert benchmark.main(["", "--models=mlp", "--methods=mle,at", "--precisions=float32"]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert "no_such_module" in lines[-2]
    assert lines[-1].startswith("error: The process that measured mle, at failed and has said why.")
    assert lines[-1].endswith("Received: exit status 1")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=resnet", "--models: must name some of mlp, conv_large, each once. Received: r"),
        ("--methods=vat,vat", "--methods: must name some of mle, at, .* Received: vat,vat"),
        ("--precisions=", "--precisions: must name some of float32, .* Received: "),
        ("--jit=auto", "--jit: must name some of off, on, each once. Received: auto"),
        ("--repeats=2", "--repeats must be at least 3. Received: 2"),
        ("--repeats=x", "--repeats: invalid int value: 'x'"),
        ("--seconds=0", "--seconds must be positive. Received: 0.0"),
        ("--output=no/such/folder/x.json", "--output must name a file .* Received: no/such"),
        ("--output=.", "--output must name a file .* Received: "),
        ("--model=mlp", "unrecognized arguments: --model=mlp"),
    ],
)
def test_wrong_flags_end_in_one_sentence(flag, message, capsys):
    assert benchmark.main(["", flag]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(f"error: {message}.*\n", printed.err)
