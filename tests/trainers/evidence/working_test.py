import json
import threading

import pytest

from trainers.evidence import planning, working
from trainers.evidence.working import FailedError, Work
from trainers.run import status


def _plan(folder, methods=("mle", "random_mask", "vat"), seeds=(1, 2)):
    choice = planning.Choice(methods=methods, seeds=seeds)
    return planning.plan("digits", str(folder), {}, choice)


def _finish(run):
    run.workdir.mkdir(parents=True, exist_ok=True)
    result = {"method": run.label, "test_accuracy": 0.5, "milliseconds_per_step": 1.0,
              "backward_passes": 1, "train_steps": 1000}  # fmt: skip
    (run.workdir / "result.json").write_text(json.dumps(result))


class _Trainer:
    """Stands for trainers.train: notes what it is given, and finishes it."""

    def __init__(self):
        self.trained = []

    def __call__(self, row):
        for run in row:
            self.trained.append(run)
            _finish(run)


def test_a_row_is_taken_as_a_whole_and_what_is_done_is_left(tmp_path):
    runs = _plan(tmp_path)
    _finish(runs[1])
    rows = []
    trainer = _Trainer()
    work = Work(runs, lambda row: (rows.append(len(row)), trainer(row)))
    work.do(workers=1)
    assert rows == [1, 2, 2] and work.trained and not work.failures
    assert [run.workdir for run in trainer.trained] == [
        run.workdir for i, run in enumerate(runs) if i != 1
    ]
    Work(runs, pytest.fail).do(workers=1)


def test_what_another_process_holds_is_left_to_it(tmp_path):
    runs = _plan(tmp_path)
    trainer = _Trainer()
    runs[2].workdir.mkdir(parents=True)
    with status.lock(runs[2].workdir):
        Work(runs, trainer).do(workers=1)
    assert trainer.trained == [run for i, run in enumerate(runs) if i != 2]
    # It died: the next call takes what it left.
    Work(runs, trainer).do(workers=1)
    assert trainer.trained[-1] == runs[2]


@pytest.mark.parametrize("workers", [2, 8])
def test_several_workers_take_each_run_once(tmp_path, workers):
    runs = _plan(tmp_path, seeds=(1, 2, 3))
    trainer = _Trainer()
    together = threading.Barrier(2, timeout=30)
    waited = []

    def train(row):
        if len(waited) < 2:  # The first two rows are in work at the same time, or this fails.
            waited.append(row)
            together.wait()
        trainer(row)

    Work(runs, train).do(workers)
    assert sorted(map(id, trainer.trained)) == sorted(map(id, runs))


def test_a_failing_row_is_named_and_does_not_keep_the_others(tmp_path, capfd):
    runs = _plan(tmp_path)
    trainer = _Trainer()

    def train(row):
        if row[0].label == "RandomMask":
            raise FailedError("RandomMask failed: it diverged", "it diverged")
        trainer(row)

    work = Work(runs, train)
    work.do(workers=1)
    assert work.failures == ["it diverged"]
    assert {run.label for run in trainer.trained} == {"MLE", "VAT"}
    assert capfd.readouterr().err == "error: RandomMask failed: it diverged\n"


def test_what_fails_alike_in_two_rows_stops_the_plan(tmp_path):
    called = []

    def train(row):
        called.append(row)
        raise FailedError("no data", f"no data for {row[0].workdir}")

    work = Work(_plan(tmp_path), train)
    work.do(workers=1)
    assert len(called) == 2 and len(work.failures) == 1


def test_a_run_that_others_were_quicker_to_take_has_not_failed(tmp_path):
    runs = _plan(tmp_path, methods=("mle",), seeds=(1,))

    def train(row):
        _finish(row[0])
        raise FailedError("in use", "--workdir is in use by another process")

    work = Work(runs, train)
    work.do(workers=1)
    assert work.failures == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_ends_the_work(tmp_path, workers):
    called = []

    def train(row):
        called.append(row)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Work(_plan(tmp_path), train).do(workers)
    assert len(called) <= workers


def test_errors_keep_what_was_said():
    assert working.FailedError("a failed: b", "b").why == "b"
