import json
import pathlib

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import errors, tune
from trainers.errors import PreemptedError, RunFailedError
from trainers.settings import experiment as experiment_lib
from trainers.tuning import trials

_STEPS = ["--num_validation=1000", "--train_steps=9", "--steps_per_epoch=1", "--quiet"]
_GRID = ["--method=mle", "--tuner=grid", "--search=learning_rate=choice:0.1,0.4,0.2"]


@pytest.fixture
def runs(monkeypatch):
    """Stands for trainers.train: the validation accuracy is the learning rate plus 0.01 a seed.

    A rate of 0.5 diverges. Gives the flags of each run.
    """
    called = []

    def train(arguments):
        values = experiment_lib.parse(arguments)
        experiment = experiment_lib.from_flags(values)
        called.append(experiment)
        if experiment.learning_rate == 0.5:
            raise RunFailedError("cross_entropy became nan in step 3; no checkpoint")
        step = experiment.stop_at or experiment.train_steps
        accuracy = experiment.learning_rate + 0.01 * experiment.seed
        rows = [("train", step, 0.9), ("validation", 1, 0.0), ("validation", step, accuracy)]
        lines = [json.dumps({"split": a, "step": b, "accuracy": c}) + "\n" for a, b, c in rows]
        (pathlib.Path(experiment.workdir) / "metrics.jsonl").write_text("".join(lines))
        return experiment.stop_at is None

    monkeypatch.setattr(trials, "_train", train)
    return called


def _main(workdir, *arguments):
    with flagsaver.flagsaver():
        return tune.main(absl_flags.FLAGS(["program", f"--workdir={workdir}", *_STEPS, *arguments]))


def _best(workdir):
    return experiment_lib.parse([f"--flagfile={workdir}/best.flags"])


def test_the_best_flags_are_a_flagfile_for_train(runs, tmp_path, capsys):
    assert _main(tmp_path, *_GRID, "--executions=2", "--seed=3", "--noquiet") == 0
    assert [(run.learning_rate, run.seed) for run in runs] == [
        (0.1, 3), (0.1, 4), (0.4, 3), (0.4, 4), (0.2, 3), (0.2, 4)
    ]  # fmt: skip
    assert {run.workdir for run in runs[:2]} == {
        f"{tmp_path}/trials/0000/seed_{seed}" for seed in (3, 4)
    }
    # The search never looks at the test images; who trains the best flags does.
    assert not any(run.test for run in runs)
    best = _best(tmp_path)
    assert (best.learning_rate, best.seed, best.test) == (0.4, 3, True)
    # TensorBoard is told what is searched, and of each trial.
    assert len(list(tmp_path.glob("events*"))) == 1
    assert len(list(tmp_path.glob("trials/*/events*"))) == 3
    assert experiment_lib.from_flags(
        experiment_lib.parse([f"--flagfile={tmp_path}/best.flags", "--workdir=w"])
    ) == experiment_lib.from_flags(
        experiment_lib.parse(
            [*_STEPS[:3], "--method=mle", "--learning_rate=0.4", "--seed=3", "--workdir=w"]
        )
    )
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if " ± " in line]
    # 0.4 + 0.035 and so on; two values 0.01 apart have the deviation 0.01 / sqrt(2).
    assert rows == [
        ["0001", "0.4", "9", "43.50", "±", "0.71"],
        ["0002", "0.2", "9", "23.50", "±", "0.71"],
        ["0000", "0.1", "9", "13.50", "±", "0.71"],
    ]
    assert f"trainers.train --flagfile={tmp_path}/best.flags --workdir={tmp_path}/best" in out


def test_a_failed_trial_is_not_the_end(runs, tmp_path, capsys):
    search = "--search=learning_rate=choice:0.1,0.5,0.2"
    assert _main(tmp_path, *_GRID[:2], search, "--noquiet") == 0
    assert _best(tmp_path).learning_rate == 0.2
    out = capsys.readouterr().out
    assert "Trial 0001 failed: cross_entropy became nan in step 3; no checkpoint" in out


def test_all_trials_failing_is_an_error(runs, tmp_path, capsys):
    search = "--search=learning_rate=choice:0.5,5e-1,.5,0.50"
    assert _main(tmp_path, *_GRID[:2], search) == errors.FAILED
    error = capsys.readouterr().err
    assert error.startswith("error: all 4 trials failed; ") and error.count("\n") == 1
    assert "became nan" in error
    assert not (tmp_path / "best.flags").exists()


def test_an_interrupted_search_goes_on(runs, tmp_path, monkeypatch, capsys):
    train = trials._train

    def stop(arguments):
        if len(runs) == 2:
            raise PreemptedError("stopped, saved")
        return train(arguments)

    monkeypatch.setattr(trials, "_train", stop)
    assert _main(tmp_path, *_GRID, "--executions=2") == errors.PREEMPTED
    assert "this goes on from there" in capsys.readouterr().err
    monkeypatch.setattr(trials, "_train", train)
    assert _main(tmp_path, *_GRID, "--executions=2") == 0
    rates = [run.learning_rate for run in runs]
    assert rates == [0.1, 0.1, 0.4, 0.4, 0.2, 0.2]
    assert _main(tmp_path, *_GRID, "--executions=2") == 0
    assert len(runs) == 6  # Nothing was left to do.


def test_a_run_that_is_preempted_by_itself_stops_the_search(monkeypatch, tmp_path):
    def stop(arguments):
        values = experiment_lib.parse(arguments)
        (pathlib.Path(values.workdir) / "metrics.jsonl").write_text("")
        return False

    monkeypatch.setattr(trials, "_train", stop)
    assert _main(tmp_path, *_GRID) == errors.PREEMPTED


def test_more_trials_go_on_with_a_search_other_flags_do_not(runs, tmp_path, capsys):
    assert _main(tmp_path, *_GRID, "--trials=1") == 0
    assert _main(tmp_path, *_GRID, "--trials=2") == 0
    assert [run.learning_rate for run in runs] == [0.1, 0.4]
    assert _main(tmp_path, *_GRID, "--labeled_batch_size=7") == 2
    error = capsys.readouterr().err
    assert "--workdir holds a search with other flags" in error
    assert "  received --labeled_batch_size=7\n" in error and len(runs) == 2


def test_hyperband_goes_on_with_the_runs_that_it_takes_up_again(runs, tmp_path):
    search = "--search=learning_rate=linear:0.1:0.3"
    assert _main(tmp_path, "--method=mle", "--tuner=hyperband", search) == 0
    steps = {run.stop_at or run.train_steps for run in runs}
    # Nine epochs of one step: a ninth, a third, all of them.
    assert steps == {1, 3, 9}
    # The schedule is that of the whole run however early a trial is stopped.
    assert {run.train_steps for run in runs} == {9}
    by_place = {}
    for run in runs:
        by_place.setdefault(run.workdir, []).append(run.stop_at or run.train_steps)
    assert [1, 3, 9] in by_place.values()
    assert all(steps == sorted(set(steps)) for steps in by_place.values())
    longest = [run.learning_rate for run in runs if run.stop_at is None]
    assert _best(tmp_path).learning_rate == max(longest)


def test_a_fixed_flag_may_need_a_searched_one(runs, tmp_path):
    ema = ["--ema_decay=0.5", "--search=ema_decay=choice:0.8,0.9", "--evaluate_ema"]
    assert _main(tmp_path, *_GRID, *ema) == 0
    assert {(run.options["ema_decay"], run.options["evaluate_ema"]) for run in runs} == {
        (0.8, True), (0.9, True)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_validation=0"], "--num_validation must be above 0"),
        (["--search=learning_rate=log:0:1"], "--search must be FLAG=log"),
        (["--search=sparsity=linear:-1:1"], "--sparsity must be at least 0. Received: --sparsity="),
        (["--search=decay_rate=linear:0.5:1"], "--decay_rate must come with --schedule"),
        (["--tuner=hyperband", "--steps_per_epoch=4"], "--tuner=hyperband needs --train_steps"),
        (["--num_labeled=105"], "num_labeled"),
        (["--notest"], "this program has no flag --test"),
        (["--dataset=nowhere.npz"], "nowhere.npz"),
    ],
)
def test_mistakes_cost_a_sentence(runs, tmp_path, capsys, arguments, message):
    workdir = tmp_path / "search"
    assert _main(workdir, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not workdir.exists() and not runs


def test_a_runs_directory_is_no_place_for_a_search(tmp_path, capsys):
    (tmp_path / "config.flags").touch()
    assert _main(tmp_path, *_GRID) == 2
    assert (
        "--workdir must be a directory for a search, not one of a run." in capsys.readouterr().err
    )
