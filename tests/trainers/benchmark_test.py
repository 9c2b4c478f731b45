import json
import re
import types

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import benchmark
from trainers.benchmarking import child, experiment_rows
from trainers.benchmarking.timed_step import Setting
from trainers.errors import UsageError
from trainers.settings import command_line
from trainers.work import benchmark as work

TINY = Setting("mlp", (4, 4, 1), 2, 3, num_labeled=5, num_pool=7)


def _main(*arguments):
    with flagsaver.flagsaver():
        return benchmark.main(["", *command_line.parse(absl_flags.FLAGS, arguments)])


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(work, "SETTINGS", {"mlp": TINY})


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(threads, "1")  # other tests use the cores


@pytest.fixture
def small_peak(monkeypatch):
    monkeypatch.setattr(experiment_rows, "_PEAK_SECONDS", 0.01)


@pytest.fixture
def one_child(monkeypatch):
    """The child that measures memory speaks as that for times does: a TensorFlow start less."""
    run = child.run

    def run_for_times(module, task, *, what):
        return {"bytes": 123_000_000} if task["kind"] == "memory" else run(module, task, what=what)

    monkeypatch.setattr(child, "run", run_for_times)


def test_a_small_run_from_flags_to_table_and_json(tiny, one_child, tmp_path, capfd):
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
    assert row["peak_memory_bytes"] == 123_000_000


# experiment_timing_test measures the same, without a process for each.
@pytest.mark.slow
def test_a_small_run_of_an_experiment_from_flags_to_table_and_json(small_peak, tmp_path, capfd):
    output = tmp_path / "speed.json"
    flagfile = tmp_path / "tiny.flags"
    flagfile.write_text("--dataset=digits\n--num_labeled=100\n--method=mle\n--model=mlp\n")
    sizes = ["--labeled_batch_size=4", "--unlabeled_batch_size=0"]
    arguments = [f"--experiments={tmp_path}/t*.flags", "--steps=3", f"--output={output}"]
    assert _main(*arguments, *sizes) == 0
    printed = capfd.readouterr()
    # The title is as long as the folder's path, and wraps where that makes it.
    assert f"{tmp_path}: 3 steps each".replace(" ", "") in "".join(printed.out.split())
    assert str(output) in printed.out
    assert "[1/1] " in printed.err and "3 of 3 steps" in printed.err
    report = json.loads(output.read_text())
    assert {"commit", "hardware", "tensorflow", "keras", "numpy", "python"} <= set(report)
    (row,) = report["experiments"]
    assert (row["flagfile"], row["method"], row["steps"]) == (str(flagfile), "MLE", 3)
    assert row["labeled_batch_size"] == row["reference"]["batch_size"] == 4
    assert row["operations"] == row["reference"]["operations"]
    assert row["milliseconds"] > 0
    assert row["of_predicted"] > 0
    assert set(tmp_path.iterdir()) == {output, flagfile}


def test_an_experiment_that_fails_is_named_and_the_others_shown(tmp_path, monkeypatch, capfd):
    good = {
        **dict(flagfile="a/good.flags", method="VAT", model="mlp", steps=2, peak={"gflops": 50.0}),
        **dict(labeled_batch_size=4, unlabeled_batch_size=0, milliseconds=4.0, operations=1e9),
        **dict(gflops=25.0, share_of_peak=0.5, predicted_milliseconds=5.0, of_predicted=0.8),
    }
    measured = [RuntimeError("that one failed"), good]
    monkeypatch.setattr(experiment_rows, "plan", lambda patterns: {"bad": None, "good": None})
    monkeypatch.setattr(experiment_rows, "measure", lambda planned, steps: iter(measured))
    output = tmp_path / "speed.json"
    assert _main("--experiments=a/*.flags", f"--output={output}") == 1
    printed = capfd.readouterr()
    assert printed.err == "error: that one failed\n"
    assert "VAT" in printed.out
    assert json.loads(output.read_text())["experiments"] == [good]


def test_a_child_that_fails_ends_the_run_with_its_words(tiny, monkeypatch, capfd):
    module = types.SimpleNamespace(__name__="trainers.no_such_module")
    monkeypatch.setattr(work, "step_timing", module)
    assert _main("--models=mlp", "--methods=mle,at", "--precisions=float32") == 1
    lines = capfd.readouterr().err.splitlines()
    assert "no_such_module" in lines[-2]
    assert lines[-1].startswith("error: The process that measured mle, at failed and has said why.")
    assert lines[-1].endswith("Received: exit status 1")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=resnet", "--models must name some of mlp, conv_large, each once. Received: --m"),
        ("--methods=vat,vat", "--methods must name some of mle, .* Received: --methods=vat,v"),
        ("--precisions=", "--precisions must name some of float32, .* Received: --precisions="),
        ("--jits=auto", "--jits must name some of off, on, each once. Received: --jits=auto"),
        ("--output=no/such/folder/x.json", "--output must name a file .* Received: --output=no/s"),
        ("--output=README.md/x", "--output must name a file .* Received: --output=README.md/x"),
        ("--output=.", "--output must name a file .* Received: --output=."),
        ("--split=test", "this program has no flag --split; see --help. Received: --split=test"),
        ("--model=mlp", "this program has no flag --model without --experiments; .*: --model=mlp"),
        ("--steps=3", "this program has no flag --steps without --experiments; .*: --steps=3"),
        ("--experiments=x.flags --jits=on", "this program has no flag --jits with --exp.*: --jits"),
        ("--experiments=x.flags", "--experiments must name flagfiles that exist.*: x.flags"),
        ("mlp", "flags start with --. Received: mlp"),
    ],
)
def test_wrong_flags_end_in_one_sentence(flag, message, capsys):
    assert _main(*flag.split()) == 2
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
    with pytest.raises(UsageError, match=message):
        _main(flag)
