import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from flags import method as method_flags
from trainers import errors, reproduce
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib

_LABELS = ["MLE", "RandomMask", "VAT", "xVAT-I", "xVAT-T"]


def test_digits_in_order():
    runs = reproduce.plan("digits", "w", {})
    assert [run.label for run in runs] == _LABELS
    assert [str(run.workdir) for run in runs] == [
        "w/mle", "w/random_mask", "w/vat", "w/xvat_inductive", "w/xvat_transductive"
    ]  # fmt: skip
    for run in runs:
        flagfile, workdir = run.arguments
        assert pathlib.Path(flagfile.removeprefix("--flagfile=")).is_file()
        assert workdir == f"--workdir={run.workdir}"


def test_tables_can_be_joined():
    both = reproduce.plan("digits,digits_all", "w", {})
    assert len(both) == len(_LABELS) + len(reproduce.plan("digits_all", "w", {}))
    assert [run.label for run in both if run.label in _LABELS] == _LABELS


def test_runs_of_the_digits_table_differ_in_the_methods_flags_only():
    # Flags of data and training come from one included file; a line of a run's own would win.
    kept = []
    for run in reproduce.plan("digits", "w", {}):
        of_method = experiment_lib.names_of(method_flags)
        names = {line: line[2:].partition("=")[0] for line in run.config.splitlines()}
        kept.append([line for line, name in names.items() if name not in of_method])
    assert all(lines == kept[0] for lines in kept)
    assert "--num_labeled=100" in kept[0]


def test_overrides_go_to_the_runs_that_take_them():
    overrides = {"train_steps": "--train_steps=3", "sparsity": "--sparsity=2.0"}
    runs = {run.label: run for run in reproduce.plan("digits", "w", overrides)}
    for label, run in runs.items():
        assert "--train_steps=3" in run.arguments and "--train_steps=3\n" in run.config
        assert ("--sparsity=2.0" in run.arguments) == label.startswith("xVAT")


@pytest.mark.parametrize(
    ("table", "workdir", "overrides", "message"),
    [
        ("digitz", "w", {}, r"one of .*digits.*Received: digitz"),
        ("digits,", "w", {}, r"one of .*digits.*Received: digits,"),
        (None, "w", {}, r"Received: nothing"),
        ("digits", None, {}, r"--workdir must name"),
        ("supervised,semi_supervised", "w", {}, r"names.* where cifar10_mle stands twice"),
        ("digits", "w", {"method": "--method=vat"}, r"takes --method as an override"),
        ("digits", "w", {"mask": "--mask=inductive"}, r"takes --mask as an override"),
        ("digits", "w", {"norm": "--norm=l2"}, r"takes --norm .*Received: --norm=l2"),
    ],
)
def test_what_cannot_be_planned_is_a_usage_error(table, workdir, overrides, message):
    with pytest.raises(UsageError, match=message):
        reproduce.plan(table, workdir, overrides)


@pytest.fixture
def programs(monkeypatch):
    """Stands for the programs that are called: notes the commands and writes what they would."""
    called = []

    def run(module, arguments):
        given = dict(argument[2:].partition("=")[::2] for argument in arguments)
        called.append((module, given))
        if module == "trainers.train":
            _finish(pathlib.Path(given["workdir"]), arguments)
        elif module == "trainers.export":
            (pathlib.Path(given["output"]) / f"{len(called)}").mkdir(parents=True)
        else:
            pathlib.Path(given["output"]).write_text("a picture")
        return 0, ""

    monkeypatch.setattr(reproduce, "_run", run)
    return called


def _finish(workdir, arguments):
    values = experiment_lib.parse(arguments)
    result = {
        "method": experiment_lib.from_flags(values).label,
        "test_accuracy": 0.91234,
        "train_steps": values.train_steps,
        "milliseconds_per_step": 12.3,
        "backward_passes": 1,
    }
    workdir.mkdir(parents=True)
    (workdir / "config.flags").write_text(experiment_lib.to_flagfile(values))
    (workdir / "result.json").write_text(json.dumps(result))


def _main(*arguments):
    with flagsaver.flagsaver():
        return reproduce.main(absl_flags.FLAGS(["program", "--table=digits", *arguments]))


def test_one_command_trains_draws_and_exports(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}", "--train_steps=3") == 0
    modules = [module for module, _ in programs]
    assert modules == ["trainers.train"] * 5 + ["trainers.figures", "trainers.export"]
    assert all(given["train_steps"] == "3" for _, given in programs[:5])
    assert programs[5][1]["workdir"] == f"{tmp_path}/xvat_inductive"
    assert programs[5][1]["additive_workdir"] == f"{tmp_path}/vat"
    assert programs[6][1]["workdir"] == f"{tmp_path}/xvat_inductive"
    lines = capfd.readouterr().out.splitlines()
    # The first command comes before its output; the table has a row for each method.
    assert "-m trainers.train --flagfile=" in lines[1] and lines[1].startswith("$ ")
    rows = [line.split() for line in lines if line.endswith("1  ") and "91.23" in line]
    assert [row[0] for row in rows] == _LABELS
    assert lines[-4:-1] == [
        f"TensorBoard logs: {tmp_path}",
        f"Picture of the masks: {tmp_path}/masks.png",
        f"SavedModel of xVAT-I: {tmp_path}/saved_model/7",
    ]
    assert lines[-1].startswith("Next: ") and lines[-1].endswith(f"--logdir={tmp_path}")


def test_finished_runs_are_not_trained_again(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}") == 0
    (tmp_path / "vat" / "result.json").unlink()
    (tmp_path / "vat" / "config.flags").unlink()
    (tmp_path / "vat").rmdir()
    programs.clear()
    assert _main(f"--workdir={tmp_path}") == 0
    assert [module for module, _ in programs] == [
        "trainers.train", "trainers.figures", "trainers.export"
    ]  # fmt: skip
    programs.clear()
    assert _main(f"--workdir={tmp_path}") == 0
    assert programs == []
    assert "MLE: finished before" in capfd.readouterr().out


def test_a_run_that_fails_is_named_once_and_the_others_are_shown(
    programs, monkeypatch, tmp_path, capfd
):
    train = reproduce._run

    def fail_vat(module, arguments):
        vat = module == "trainers.train" and any("vat.flags" in text for text in arguments[:1])
        return (
            (1, "it diverged") if vat and "xvat" not in arguments[0] else train(module, arguments)
        )

    monkeypatch.setattr(reproduce, "_run", fail_vat)
    assert _main(f"--workdir={tmp_path}") == errors.FAILED
    out, error = capfd.readouterr()
    assert error.startswith("error: VAT failed: it diverged; the same") and error.count("\n") == 1
    rows = [line.split()[0] for line in out.splitlines() if "91.23" in line]
    assert rows == [label for label in _LABELS if label != "VAT"]


def test_what_fails_alike_in_two_runs_is_said_once_and_stops_the_table(
    monkeypatch, tmp_path, capfd
):
    called = []

    def run(module, arguments):
        called.append(module)
        return 2, "--dataset must be there"

    monkeypatch.setattr(reproduce, "_run", run)
    assert _main(f"--workdir={tmp_path}") == errors.FAILED
    assert len(called) == 2
    assert capfd.readouterr().err.count("error: ") == 1


def test_a_programs_error_is_kept_back_and_its_warnings_are_not(capfd):
    code = "import sys; sys.stderr.write('warning: w\\nerror: one\\n two\\n'); sys.exit(2)"
    assert reproduce._attend([sys.executable, "-c", code]) == (2, "one\n two")
    assert capfd.readouterr().err == "warning: w\n"


@pytest.mark.parametrize("status", [errors.PREEMPTED, -signal.SIGINT, -signal.SIGTERM, 130])
def test_an_interrupted_run_stops_the_table(programs, monkeypatch, tmp_path, capfd, status):
    monkeypatch.setattr(reproduce, "_run", lambda module, arguments: (status, ""))
    assert _main(f"--workdir={tmp_path}") == 130
    assert capfd.readouterr().err.startswith("error: interrupted; the same command goes on")


@pytest.mark.parametrize(("ends", "expected"), [(75, 75), (1, 256 - 2), (0, 256 - 2)])
def test_a_program_that_is_interrupted_may_save(ends, expected):
    # In a group of their own, as from a terminal: the signal comes to both.
    saving = f"""
import signal, sys, time
def save(*_): time.sleep(1); sys.exit({ends})
signal.signal(signal.SIGINT, save)
print("ready", flush=True)
signal.pause()
"""
    code = f"""
import sys
from trainers import reproduce
sys.exit(reproduce._attend([sys.executable, "-c", {saving!r}])[0])
"""
    with subprocess.Popen(  # noqa: S603 (this interpreter and the test's own code)
        [sys.executable, "-c", code],
        cwd=pathlib.Path(reproduce.__file__).parents[1],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == expected


def test_a_directory_of_other_flags_is_refused_before_anything_is_trained(
    programs, tmp_path, capfd
):
    assert _main(f"--workdir={tmp_path}", "--train_steps=3") == 0
    (tmp_path / "mle" / "result.json").unlink()
    (tmp_path / "mle" / "config.flags").unlink()
    programs.clear()
    assert _main(f"--workdir={tmp_path}", "--train_steps=4") == 2
    assert programs == []
    assert "there --train_steps=3, received --train_steps=4" in capfd.readouterr().err
