import itertools
import pathlib

import pytest

from trainers.tuning import oracles, search_space

_RANGES = {"learning_rate": "choice:1,2,3", "sparsity": "choice:a,b"}


def _oracle(folder, tuner="grid", trials=None, ranges=_RANGES, seed=0):
    oracle = oracles.build(
        tuner, search_space.hyperparameters(ranges), trials=trials, epochs=9, seed=seed
    )
    oracle._set_project_dir(str(folder), "oracle")
    return oracle


def _next(oracle, tuner_id="tuner0"):
    trial = oracle.create_trial(tuner_id)
    return trial if trial.status == "RUNNING" else None


def _end(oracle, trial, accuracy=0.5):
    if accuracy is not None:
        oracle.update_trial(trial.trial_id, {oracles.OBJECTIVE: accuracy})
    trial.status = "FAILED" if accuracy is None else "COMPLETED"
    oracle.end_trial(trial)


def _values(trial):
    return tuple(trial.hyperparameters.values[name] for name in _RANGES)


def test_a_grid_is_taken_up_where_it_was_left(tmp_path):
    oracle = _oracle(tmp_path)
    tried = []
    while trial := _next(oracle):
        tried.append(_values(trial))
        _end(oracle, trial)
        if len(tried) % 2:  # Another process goes on.
            oracle = _oracle(tmp_path)
            oracle.reload()
    assert tried == list(itertools.product("123", "ab"))


@pytest.mark.parametrize("tuner", ["grid", "random", "bayesian", "hyperband"])
def test_a_trial_that_was_running_is_run_again(tmp_path, tuner):
    ranges = {"learning_rate": "log:1e-4:1e-2", "sparsity": "log:0.1:10"}
    oracle = _oracle(tmp_path, tuner, 8, ranges)
    first = _next(oracle)
    _end(oracle, first)
    before = pathlib.Path(oracle._get_oracle_fname()).read_text()
    second = _next(oracle)
    for text in (None, before):  # Killed after, and before, the oracle's state was written.
        if text:
            pathlib.Path(oracle._get_oracle_fname()).write_text(text)
        again = _oracle(tmp_path, tuner, 8, ranges)
        again.reload()
        trial = _next(again)
        assert trial.trial_id == second.trial_id
        assert _values(trial) == _values(second)
        assert again.trials[first.trial_id].score == 0.5
        third = _next(again, "tuner1")
        assert third.trial_id not in (first.trial_id, second.trial_id)
        for path in pathlib.Path(again._get_trial_dir(third.trial_id)).iterdir():
            path.unlink()  # What the next round must not know of.


def test_trials_that_were_running_are_run_again_in_their_order(tmp_path):
    oracle = _oracle(tmp_path)
    running = [_next(oracle, f"tuner{number}").trial_id for number in range(3)]
    again = _oracle(tmp_path)
    again.reload()
    assert [_next(again, f"tuner{number}").trial_id for number in range(3)] == running


@pytest.mark.parametrize("tuner", ["grid", "random", "bayesian", "hyperband"])
def test_the_most_accurate_trial_is_the_best(tmp_path, tuner):
    oracle = _oracle(tmp_path, tuner, 3)
    for accuracy in (0.2, 0.9, 0.5):
        _end(oracle, _next(oracle), accuracy)
    assert oracle.get_best_trials(1)[0].score == 0.9


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_what_is_drawn_goes_by_the_seed(tmp_path, tuner):
    ranges = {"learning_rate": "log:1e-4:1e-2", "sparsity": "log:0.1:10"}
    one, same, other = (
        _values(_next(_oracle(tmp_path / name, tuner, 8, ranges, seed)))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one == same != other


def test_failures_in_a_row_do_not_end_a_search(tmp_path):
    oracle = _oracle(tmp_path, trials=5)
    while trial := _next(oracle):
        _end(oracle, trial, None)
    assert [trial.status for trial in oracle.trials.values()] == ["FAILED"] * 5


def test_few_trials_are_not_all_drawn_at_random():
    # keras-tuner would draw three times two flags of eight trials; a third of them has to do.
    ranges = {"learning_rate": "log:1e-4:1e-2", "sparsity": "log:0.1:10"}
    for trials, drawn in ((8, 3), (15, 5), (100, 6)):
        assert _oracle("nowhere", "bayesian", trials, ranges).num_initial_points == drawn
