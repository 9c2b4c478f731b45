"""Who chooses the next trial: keras-tuner's oracles, such that a search survives being killed."""

import itertools
import json
import pathlib
from typing import Any

import keras_tuner
from keras_tuner import oracles

from trainers.run.storage import write_aside
from trainers.tuning import search_space

OBJECTIVE = "validation_accuracy"
# Failed trials in a row that end a search. keras-tuner's three would leave its lock held, and the
# chief waiting for ever; that all trials failed is said at the end.
_NEVER = 1_000_000_000


class _Durable(keras_tuner.Oracle):
    """Its files are there whole or not at all, and no trial that was begun is forgotten."""

    def save(self) -> None:
        """Writes the oracle's state."""
        write_aside(pathlib.Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def _save_trial(self, trial: Any) -> None:
        directory = pathlib.Path(self._get_trial_dir(trial.trial_id))
        write_aside(directory / "trial.json", json.dumps(trial.get_state()))

    def reload(self) -> None:
        """Reads it, and queues the trials that were running."""
        super().reload()
        # A trial is written before the state that lists it. One that the state does not list was
        # never begun: it is chosen again, with the same number.
        self.trials: dict[str, Any] = {name: self.trials[name] for name in self.start_order}
        # The state may list a trial as ongoing that has ended since.
        running = [name for name, trial in self.trials.items() if trial.status == "RUNNING"]
        self._retry_queue = running[::-1]  # Taken from its end.


class _Random(_Durable, oracles.RandomSearchOracle):
    pass


class _Bayesian(_Durable, oracles.BayesianOptimizationOracle):
    pass


class _Hyperband(_Durable, oracles.HyperbandOracle):
    pass


class _Grid(_Durable):
    """All combinations of `search_space.points`, the last flag changing fastest.

    keras-tuner's own oracle does not save its place on the grid: taken up again it stops at once.
    Here trial n is combination n.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of a trial, from its number."""
        space = self.hyperparameters.space
        grid = itertools.product(*map(search_space.points, space))
        combination = next(itertools.islice(grid, int(trial_id), None), None)
        if combination is None:
            return {"status": "STOPPED", "values": None}
        names = [hyperparameter.name for hyperparameter in space]
        return {"status": "RUNNING", "values": dict(zip(names, combination, strict=True))}


def build(
    tuner: str, space: keras_tuner.HyperParameters, *, trials: int | None, epochs: int, seed: int
) -> keras_tuner.Oracle:
    """Makes the oracle of a search for the highest validation accuracy.

    Args:
        tuner: random, bayesian, hyperband or grid.
        space: what to search.
        trials: at most; None is 10, or all of hyperband and the grid.
        epochs: of a whole run; hyperband gives most trials fewer.
        seed: of what is drawn.
    """
    options = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": space,
        "max_consecutive_failed_trials": _NEVER,
        "seed": seed + 1,  # keras-tuner takes 0 for none.
    }
    if tuner == "hyperband":
        oracle = _Hyperband(max_epochs=epochs, **options)
        oracle.max_trials = trials
    elif tuner == "grid":
        oracle = _Grid(max_trials=trials, **options)
    elif tuner == "random":
        oracle = _Random(max_trials=trials or 10, **options)
    else:
        trials = trials or 10
        # By default keras-tuner draws three trials a flag before it models anything.
        drawn = max(3, min(3 * len(space.space), trials // 3))
        oracle = _Bayesian(max_trials=trials, num_initial_points=drawn, **options)
    oracle.verbose = 0  # It prints "Complete" for trials that failed.
    return oracle
