import pathlib

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


def test_each_failure_is_said_and_the_others_are_done(capfd):
    folders = {name: pathlib.Path("out", name) for name in "abcd"}
    reports, status = run_by_run.collect(folders, _work, done="attacked")
    assert reports == {"d": {"folder": pathlib.Path("out/d")}}
    assert status == errors.FAILED
    assert capfd.readouterr().err.splitlines() == [
        "error: --split must be there. Received: --workdir=a",
        "error: --workdir=b cannot be attacked: logits must be finite. Received: NaN",
        "error: the disk is full",
    ]
    assert run_by_run.collect({"d": pathlib.Path()}, _work, done="attacked")[1] == 0
    assert run_by_run.collect({"a": pathlib.Path()}, _work, done="attacked") == ({}, errors.MISTAKE)


def test_two_runs_of_one_seed_are_refused_before_the_work(tmp_path, capfd):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        values = experiment_lib.parse([f"--workdir={tmp_path / name}"])
        (tmp_path / name / "config.flags").write_text(experiment_lib.to_flagfile(values))
    folders = {str(tmp_path / name): tmp_path for name in ("x", "y")}
    assert run_by_run.collect(folders, _work, done="evaluated") == ({}, errors.MISTAKE)
    assert "both --seed=1" in capfd.readouterr().err
