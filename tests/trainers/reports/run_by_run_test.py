import json
import pathlib

import pytest

from trainers import errors
from trainers.errors import RunFailedError, UsageError
from trainers.reports import run_by_run
from trainers.settings import experiment as experiment_lib

_FAILURES = {
    "a": UsageError("--split must be there. Received: --workdir=a"),
    "b": ValueError("logits must be finite. Received: NaN"),
    "c": RunFailedError("the disk is full"),
}


def _work(run, folder):
    if run in _FAILURES:
        raise _FAILURES[run]
    return {"folder": folder}


def _run_directory(folder, seed=1, finished=True):
    folder.mkdir()
    values = experiment_lib.parse([f"--workdir={folder}", f"--seed={seed}"])
    (folder / "config.flags").write_text(experiment_lib.to_flagfile(values))
    if finished:
        result = {"method": "MLE", "test_accuracy": 0.5, "milliseconds_per_step": 1.0,
                  "backward_passes": 1, "train_steps": 3}  # fmt: skip
        (folder / "result.json").write_text(json.dumps(result))


@pytest.fixture
def shown():
    """What `show` was given, a line a call: directories of runs by groups, and the reports."""
    return []


def _run(names, shown, work=_work):
    def show(groups, reports):
        shown.append(([group.workdirs for group in groups], reports))

    folders = {name: pathlib.Path("out", name) for name in names}
    return run_by_run.run(folders, work, show, done="attacked")


def test_each_failure_is_said_and_the_others_are_shown(shown, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _run_directory(tmp_path / "d")
    assert _run("abcd", shown) == errors.FAILED
    assert shown == [([["d"]], {"d": {"folder": pathlib.Path("out/d")}})]
    assert capfd.readouterr().err.splitlines() == [
        "error: --split must be there. Received: --workdir=a",
        "error: --workdir=b cannot be attacked: logits must be finite. Received: NaN",
        "error: the disk is full",
    ]
    assert _run("d", shown) == 0
    assert _run("a", shown) == errors.MISTAKE and len(shown) == 2


def test_of_several_runs_those_that_stopped_early_are_in_no_row(
    shown, capfd, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for seed, finished in ((1, True), (2, False)):
        _run_directory(tmp_path / f"d{seed}", seed, finished)
    assert _run(["d1", "d2"], shown) == 0
    assert [groups for groups, _ in shown] == [[["d1"]]]
    assert capfd.readouterr().err == "warning: not finished, hence in no row: d2\n"
    # A single one is what was asked for.
    assert _run(["d2"], shown) == 0
    assert shown[1][0] == [["d2"]] and not capfd.readouterr().err


def test_what_cannot_be_written_in_the_end_is_one_sentence(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _run_directory(tmp_path / "d")

    def show(groups, reports):
        raise RunFailedError("the table could not be written")

    folders = {"d": pathlib.Path("out")}
    assert run_by_run.run(folders, _work, show, done="evaluated") == errors.FAILED
    assert capfd.readouterr().err == "error: the table could not be written\n"


def test_two_runs_of_one_seed_are_refused_before_the_work(shown, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x", "y"):
        _run_directory(tmp_path / name)
    assert _run("xy", shown) == errors.MISTAKE and not shown
    assert "both --seed=1" in capfd.readouterr().err


def test_what_was_measured_by_the_same_settings_is_kept(tmp_path):
    file = tmp_path / "report.json"
    assert run_by_run.kept(file, {"seed": 1}) is None
    for damaged in ("[1]", "{"):
        file.write_text(damaged)
        assert run_by_run.kept(file, {"seed": 1}) is None
    file.write_text('{"seed": 1, "area": 0.5}')
    assert run_by_run.kept(file, {"seed": 1}) == {"seed": 1, "area": 0.5}
    assert run_by_run.kept(file, {"seed": 2}) is None
    assert run_by_run.kept(file, {"seed": 1, "step": 3}) is None
