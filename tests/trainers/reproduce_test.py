import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import errors, reproduce
from trainers.evidence import making, record
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
    planned = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert ["digits/mle", "1", "of", "1", "1,000", "0.00", "here", "0.00"] in planned


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
    assert list(dict.fromkeys(rows)) == [label for label in _LABELS if label != "VAT"]


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
    # And not ignored, as it is where a script has started the tests in the background.
    code = f"""
import signal, sys
from trainers import reproduce
signal.signal(signal.SIGINT, signal.default_int_handler)
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
        (["--verify=nothing"], "there must be a record. Received: nothing.json"),
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


@pytest.fixture
def kept(tmp_path):
    """A record of a run that logs every 50 of 1,000 steps, 250 an epoch, and its lines."""
    run = tmp_path / "run"
    arguments = ["--experiment=digits/mle", f"--workdir={run}"]
    lines = [{"step": 50 * i, "split": "train", "objective": 1 / i} for i in range(1, 21)]
    _finish(run, arguments)
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return record.write(making.from_run(run), tmp_path / "records"), lines


def _verify(monkeypatch, file, lines, *arguments, status=errors.PREEMPTED):
    called = []

    def repeat(given):
        called.append(given)
        run = pathlib.Path(given[-1].removeprefix("--workdir="))
        run.mkdir()
        (run / "status.json").write_text("{}" if status is None else json.dumps({"hardware": "x"}))
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return (errors.PREEMPTED if status is None else status), "it broke"

    monkeypatch.setattr(reproduce, "_repeat", repeat)
    with flagsaver.flagsaver():
        flags = absl_flags.FLAGS(["program", f"--verify={file}", *arguments])
        return reproduce.main(flags), called


def test_a_record_is_verified_by_its_runs_first_epochs(kept, monkeypatch, capfd):
    file, lines = kept
    status, (given,) = _verify(monkeypatch, file, lines[:5], "--data_dir=d")
    assert status == 0
    # 200 steps are within the first epoch of 250; the run's own steps are left as they are.
    assert {"--stop_at=250", "--train_steps=1000", "--notest", "--data_dir=d"} <= set(given)
    out = capfd.readouterr().out
    assert "yes" in out and "another kind" in out
    _, (given,) = _verify(monkeypatch, file, lines[:10], "--steps=251")
    assert "--stop_at=500" in given


def test_a_record_that_does_not_come_again_fails(kept, monkeypatch, capfd):
    file, lines = kept
    other = [{**line, "objective": 1.12 * line["objective"]} for line in lines[:5]]
    assert _verify(monkeypatch, file, other)[0] == errors.FAILED
    assert "Largest difference: objective at step 50, 1.0 then, 1.12 now" in capfd.readouterr().out
    assert _verify(monkeypatch, file, lines[:5], status=1)[0] == errors.MISTAKE
    assert "the repetition failed: it broke" in capfd.readouterr().err


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
    assert "All of the 1 runs are in the hands of other processes." in capfd.readouterr().out
