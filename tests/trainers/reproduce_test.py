"""trainers.reproduce --table, with the programs that it calls left out."""

import json
import pathlib
import shutil
import signal

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import errors, reproduce
from trainers.evidence import calling
from trainers.run import status
from trainers.settings import experiment as experiment_lib

_LABELS = ["MLE", "RandomMask", "VAT", "xVAT-I", "xVAT-T"]


@pytest.fixture
def programs(monkeypatch):
    """Stands for the programs that are called: notes the commands and writes what they would."""
    called = []

    def run(module, arguments):
        given = dict(argument[2:].partition("=")[::2] for argument in arguments)
        called.append((module, given))
        if module == "trainers.train":
            own = [text for text in arguments if not text.startswith("--seeds=")]
            for seed in filter(None, given.get("seeds", "").split(",")):
                _finish(pathlib.Path(given["workdir"]) / f"seed_{seed}", [*own, f"--seed={seed}"])
            if "seeds" not in given:
                _finish(pathlib.Path(given["workdir"]), own)
        elif module == "trainers.export":
            (pathlib.Path(given["output"]) / f"{len(called)}").mkdir(parents=True)
        else:
            pathlib.Path(given["output"]).write_text("a picture")
        return 0, ""

    monkeypatch.setattr(calling, "run", run)
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
    line = {"step": values.train_steps, "split": "test"}
    (workdir / "metrics.jsonl").write_text(json.dumps(line) + "\n")


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
    # The plan, each command before its output, and a table with a row for each method.
    planned = [line.split() for line in lines if line.startswith("digits/")]
    assert [row[1:5] for row in planned] == [["0", "of", "1", "3"]] * 5
    commands = [line for line in lines if line.startswith("$ ")]
    assert len(commands) == 7 and "-m trainers.train --flagfile=" in commands[0]
    assert lines.index(commands[0]) == lines.index("[1/5] MLE:") + 1
    rows = [line.split() for line in lines if line.endswith("1  ") and "91.23" in line]
    assert [row[0] for row in rows] == _LABELS
    assert lines[-5:-1] == [
        f"Table: {tmp_path}/table.md, .csv, .tex and .png",
        f"TensorBoard logs: {tmp_path}",
        f"Picture of the masks: {tmp_path}/masks.png",
        f"SavedModel of xVAT-I: {tmp_path}/saved_model/7",
    ]
    assert lines[-1].startswith("Next: ") and lines[-1].endswith(f"--logdir={tmp_path}")


def test_finished_runs_are_not_trained_again(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}") == 0
    shutil.rmtree(tmp_path / "vat")
    programs.clear()
    assert _main(f"--workdir={tmp_path}") == 0
    assert [module for module, _ in programs] == [
        "trainers.train", "trainers.figures", "trainers.export"
    ]  # fmt: skip
    programs.clear()
    assert _main(f"--workdir={tmp_path}") == 0
    assert programs == []
    planned = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert ["digits/mle", "1", "of", "1", "1,000", "0.00", "here", "0.00"] in planned


def test_a_run_that_fails_is_named_once_and_the_others_are_shown(
    programs, monkeypatch, tmp_path, capfd
):
    train = calling.run

    def fail_vat(module, arguments):
        vat = module == "trainers.train" and any("vat.flags" in text for text in arguments[:1])
        return (
            (1, "it diverged") if vat and "xvat" not in arguments[0] else train(module, arguments)
        )

    monkeypatch.setattr(calling, "run", fail_vat)
    assert _main(f"--workdir={tmp_path}") == errors.FAILED
    out, error = capfd.readouterr()
    assert error.startswith("error: VAT failed: it diverged; the same") and error.count("\n") == 1
    rows = [line.split()[0] for line in out.splitlines() if "91.23" in line]
    assert list(dict.fromkeys(rows)) == [label for label in _LABELS if label != "VAT"]


def test_what_fails_alike_in_two_runs_is_said_once_and_stops_the_table(
    monkeypatch, tmp_path, capfd
):
    called = []

    def run(module, arguments):
        called.append(module)
        return 2, "--dataset must be there"

    monkeypatch.setattr(calling, "run", run)
    assert _main(f"--workdir={tmp_path}") == errors.FAILED
    assert len(called) == 2
    told = capfd.readouterr().err
    assert told.count("error: ") == 1
    assert told.endswith("RandomMask failed alike: the other 3 runs are not tried.\n")


@pytest.mark.parametrize("status", [errors.PREEMPTED, -signal.SIGINT, -signal.SIGTERM, 130])
def test_an_interrupted_run_stops_the_table(programs, monkeypatch, tmp_path, capfd, status):
    monkeypatch.setattr(calling, "run", lambda module, arguments: (status, ""))
    assert _main(f"--workdir={tmp_path}") == errors.PREEMPTED  # As the README says.
    assert capfd.readouterr().err.startswith("error: interrupted; the same command goes on")


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


def test_seeds_have_runs_of_their_own_and_neither_picture_nor_export(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}", "--seeds=2", "--methods=mle,vat", "--workers=2") == 0
    trained = {(given["workdir"], given["seeds"]) for _, given in programs}
    assert trained == {(f"{tmp_path}/mle", "1,2"), (f"{tmp_path}/vat", "1,2")}
    out = capfd.readouterr().out
    assert "91.23 ± 0.00" in out and "4 runs; commit" in out
    assert (tmp_path / "table.csv").read_text().count("\n") == 3


def test_runs_that_others_have_in_hand_are_left_to_them_and_said(programs, tmp_path, capfd):
    (tmp_path / "vat").mkdir()
    with status.lock(tmp_path / "vat"):
        assert _main(f"--workdir={tmp_path}", "--methods=mle,vat") == 0
    assert [given["workdir"] for _, given in programs] == [f"{tmp_path}/mle"]
    assert "In the hands of other processes, and in no row yet: 1 of 2" in capfd.readouterr().out


def test_a_quick_table_marks_its_numbers(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}", "--methods=mle", "--quick") == 0
    # 1,000 steps, 250 an epoch: four epochs of 12.
    assert programs[0][1]["train_steps"] == "48"
    assert "91.23 (quick)" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--record=w", "--seeds=1"], "no flag --seeds beside --record"),
        (["--verify=w", "--seed=1"], "no flag --seed beside --verify"),
        (["--verify=nothing"], "--verify must name a record. Received: --verify=nothing"),
        (["--table=speed", "--workdir=w"], "no flag --workdir beside --table=speed"),
        (["--table=speed", "--methods=mle"], "--methods must name some of vat"),
        (["--table=speed", "--compare=none"], "--compare must name a file of --output"),
        (["--render", "--workdir=w"], "no flag --workdir beside --render"),
        (["--output=w", "--workdir=w"], "no flag --output beside --table"),
        (["--workdir=w", "--seeds=x"], "--seeds must be how many"),
        (["--workdir=w", "--methods=vatt"], "--methods must name some of mle"),
        (["--workdir=w", "--quick", "--train_steps=9"], "--quick must come without --train_steps"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(arguments, message, capfd, monkeypatch):
    table = (
        []
        if arguments[0].startswith(("--record", "--render", "--verify", "--table"))
        else ["--table=digits"]
    )
    with flagsaver.flagsaver():
        assert reproduce.main(absl_flags.FLAGS(["program", *table, *arguments])) == 2
    error = capfd.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_table_has_all_draws_of_labels_that_were_made(programs, tmp_path):
    for draw in (1, 2):
        arguments = ["--methods=mle", "--seeds=2", f"--label_seed={draw}"]
        assert _main(f"--workdir={tmp_path}", *arguments) == 0
    text = (tmp_path / "table.md").read_text()
    # All four have the same accuracy: nothing varies, and nobody's is the spread.
    assert "| MLE | 4 | 91.23 ± 0.00 |" in text and "draws of labels" not in text


def test_a_plan_that_is_all_in_other_hands_is_no_failure(programs, tmp_path, capfd):
    (tmp_path / "vat").mkdir()
    with status.lock(tmp_path / "vat"):
        assert _main(f"--workdir={tmp_path}", "--methods=vat") == 0
    assert "In the hands of other processes: 1 of 1." in capfd.readouterr().out


def test_a_run_whose_log_is_cut_is_named(programs, tmp_path):
    assert _main(f"--workdir={tmp_path}", "--methods=vat") == 0
    (tmp_path / "vat" / "metrics.jsonl").write_text('{"step": 9, "split": "train"}\n{"step": 10')
    with pytest.warns(UserWarning, match=r"vat/metrics\.jsonl ends at step 9 of 1000: its curve"):
        assert _main(f"--workdir={tmp_path}", "--methods=vat") == 0


def test_a_finished_run_with_a_damaged_file_is_left_out_of_the_table(programs, tmp_path, capfd):
    assert _main(f"--workdir={tmp_path}", "--methods=mle,vat") == 0
    (tmp_path / "vat" / "config.flags").unlink()
    with pytest.warns(UserWarning, match="^left out of the table: .*config.flags is.*vat$"):
        assert _main(f"--workdir={tmp_path}", "--methods=mle,vat") == 0
    assert (tmp_path / "table.csv").read_text().count("\n") == 2  # The heads and MLE.
    assert len(programs) == 3  # Two runs and an export, all of the first time.
