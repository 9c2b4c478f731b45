"""trainers.reproduce --verify, with the training left out."""

import json
import pathlib

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import errors, reproduce
from trainers.evidence import calling, making, record
from trainers.settings import experiment as experiment_lib


@pytest.fixture
def kept(tmp_path, result):
    """A record of a run that logs every 50 of 1,000 steps, 250 an epoch, and its lines."""
    run = tmp_path / "run"
    values = experiment_lib.parse(["--experiment=digits/mle", f"--workdir={run}"])
    lines = [{"step": 50 * i, "split": "train", "objective": 1 / i} for i in range(1, 21)]
    run.mkdir()
    (run / "config.flags").write_text(experiment_lib.to_flagfile(values))
    (run / "result.json").write_text(json.dumps({**result, "train_steps": 1000}))
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return record.write(making.from_run(run), tmp_path / "records"), lines


def _verify(monkeypatch, file, lines, *arguments, status=errors.PREEMPTED):
    called = []

    def repeat(module, given):
        assert module == "trainers.train"
        called.append(given)
        run = pathlib.Path(given[-1].removeprefix("--workdir="))
        run.mkdir()
        (run / "status.json").write_text("{}" if status is None else json.dumps({"hardware": "x"}))
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return (errors.PREEMPTED if status is None else status), "it broke"

    monkeypatch.setattr(calling, "run_unseen", repeat)
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
