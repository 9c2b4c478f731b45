import types

import pytest

from trainers import errors
from trainers.settings import experiment as experiment_lib
from trainers.tuning import results, trials
from trainers.tuning.results import Result


def _result(trial, accuracy, *, steps=9, spread=None, reason="", **values):
    values = {"learning_rate": "0.1"} | values
    arguments = {"method": "--method=mle"}
    arguments |= {name: f"--{name}={text}" for name, text in values.items()}
    return Result(trial, values, arguments, steps, accuracy, spread, reason)


class _Trials:
    """What `collect` asks of `trials.Trials`: {name: (score, steps, spread)}."""

    seeds = (3, 4)

    def __init__(self, ended):
        self._ended = ended
        self.oracle = types.SimpleNamespace(trials={name: self._trial(name) for name in ended})

    def _trial(self, name):
        score, _, spread = self._ended[name]
        metrics = types.SimpleNamespace(
            exists=lambda key: key == trials.SPREAD and spread is not None,
            get_last_value=lambda key: spread,
        )
        values = {"learning_rate": 0.1, "tuner/epochs": 3}
        space = types.SimpleNamespace(values=values)
        message = None if score is not None else ""
        return types.SimpleNamespace(
            trial_id=name, score=score, metrics=metrics, hyperparameters=space, message=message
        )

    def arguments(self, trial):
        return {"learning_rate": "--learning_rate=0.1"}

    def steps(self, trial):
        return self._ended[trial.trial_id][1]


def test_the_best_is_the_most_accurate_of_those_with_most_steps():
    made = _Trials(
        {"0": (0.9, 3, None), "1": (0.5, 9, 0.1), "2": (None, 9, None), "3": (0.7, 9, 0.2)}
    )
    found = results.collect(made)
    assert [result.trial for result in found] == ["3", "1", "0", "2"]
    assert [result.spread for result in found] == [0.2, 0.1, None, None]
    assert found[0].values == {"learning_rate": "0.1"}  # Hyperband's own are none of ours.
    assert found[-1].reason == "its worker has said why"


def test_the_table_has_a_row_a_trial_and_says_why_some_failed(capsys):
    rows = [
        _result("0001", 0.9876, spread=0.0123, epsilon="2"),
        _result("0000", 0.5),
        _result("0002", None, reason="l0 became nan in step 3"),
    ]
    results.print_table(rows, ["learning_rate", "epsilon"])
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines if line.strip().startswith("000")}
    assert cells == {
        "0001": ["0.1", "2", "9", "98.76", "±", "1.23"],
        "0000": ["0.1", "9", "50.00"],
        "0002": ["0.1", "9", "failed"],
    }
    assert lines[-1] == "Trial 0002 failed: l0 became nan in step 3"


@pytest.fixture
def search(tmp_path):
    values = experiment_lib.parse([f"--workdir={tmp_path}", "--method=mle", "--seed=3"])
    return experiment_lib.from_flags(values), tmp_path / "best.flags"


def test_the_best_flags_say_where_they_are_from_and_make_the_run(search, capsys):
    experiment, file = search
    rows = [_result("0001", 0.9876), _result("0000", 0.5, learning_rate="0.2")]
    assert results.finish(rows, _Trials({}), experiment) == 0
    comments = "\n".join(line for line in file.read_text().splitlines() if line[0] == "#")
    assert "trial 0001 of 2" in comments and "98.76 %" in comments and "2 seed(s)" in comments
    best = experiment_lib.parse([f"--flagfile={file}"])
    assert (best.method, best.learning_rate, best.seed) == ("mle", 0.1, 3)
    out = capsys.readouterr().out
    assert f"--flagfile={file}" in out and f"--workdir={file.parent}/best" in out


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([_result("0000", None, reason="l0 became nan")], "all 1 trials failed; trial 0000: l0"),
        ([], "all 0 trials failed\n"),
    ],
)
def test_without_a_trial_that_ended_well_there_are_no_best_flags(search, capsys, rows, message):
    experiment, file = search
    assert results.finish(rows, _Trials({}), experiment) == errors.FAILED
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not file.exists()
