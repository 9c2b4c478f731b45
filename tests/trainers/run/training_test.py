"""Tests of trainers/run/training.py: what is due at which step, by a loop that learns nothing."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.errors import PreemptedError, RunFailedError
from trainers.run import training
from trainers.run.checkpoints import Checkpoints, checkpoint
from trainers.run.peers import Peers
from trainers.run.progress import Progress
from trainers.run.run_directory import RunDirectory
from trainers.run.training import Training
from trainers.settings import experiment as experiment_lib
from trainers.settings.cluster import Cluster
from xadv_tf.methods import MLE


class _Loop:
    """In place of `loop.Loop`: a step adds one to the only weight, and logs its number."""

    names = ("cross_entropy",)
    stride = 1

    def __init__(self):
        layers = [keras.layers.Input((1,)), keras.layers.Dense(2, use_bias=False)]
        self.method = MLE(keras.Sequential(layers))
        self.method.compile()
        self.strategy = tf.distribute.get_strategy()
        self.calls = []

    @property
    def step(self):
        return int(self.method.step.numpy())

    def run(self, num_steps):
        first = self.step
        self.calls.append(num_steps)
        self.method.step.assign_add(num_steps)
        weight = self.method.classifier.weights[0]
        weight.assign(tf.fill(weight.shape, float(self.step)))
        return np.arange(first + 1, self.step + 1, dtype=np.float32)[:, np.newaxis]

    def means(self, rows):
        return {"cross_entropy": float(np.mean(np.concatenate(rows)))}

    def learning_rates(self):
        return {"learning_rate/classifier": 0.5}


class _Pictures:
    every = 1000

    def __init__(self):
        self.asked = []

    def log(self, step):
        self.asked.append(step)


class _Worker(Peers):
    """Worker 1 of two; `chief` tells what the chief says when it says a value."""

    def __init__(self, chief):
        super().__init__(Cluster(("first:1", "second:1"), 1))
        self._chief = chief

    def all(self, value):
        return [self._chief(value), value]


@pytest.fixture
def make(tmp_path):
    """(flags ..., validation: accuracy by step) -> Training, its loop and its directory."""

    def make(*arguments, validation=None, stop=lambda: False, summaries=None, peers=None):
        flags = [f"--workdir={tmp_path}/run", "--method=mle", "--train_steps=12", "--quiet"]
        flags += ["--steps_per_epoch=100", "--log_every=100", "--checkpoint_every=100"]
        values = experiment_lib.parse([*flags, *arguments])
        experiment = experiment_lib.from_flags(values)
        directory = RunDirectory(experiment.workdir, experiment_lib.to_flagfile(values))
        loop = _Loop()

        def evaluate(split):
            if split == "test":
                return {"accuracy": 0.25}
            return {"accuracy": validation[loop.step]} if validation else {}

        made = Training(
            experiment,
            loop,
            directory,
            evaluate=evaluate,
            summaries=summaries or _Pictures(),
            stop_requested=stop,
            peers=peers,
        )
        return made, loop, directory

    return make


def _run(made, directory):
    with directory.opened():
        made.restore()
        made.run(Progress("MLE", 12, quiet=True))


def _lines(directory):
    lines = (directory.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _kept(directory, kind):
    """The steps of the checkpoints in checkpoints/ or best/, and the weight in the newest."""
    steps = sorted(int(path.name) for path in (directory.path / kind).iterdir())
    loop = _Loop()
    Checkpoints(directory.path / kind, keep=2).restore(checkpoint(loop.method), steps[-1])
    return steps, float(loop.method.classifier.weights[0][0, 0])


def test_the_best_checkpoint_is_the_first_of_the_highest_validation_accuracy(make):
    accuracies = {3: 0.5, 6: 0.8, 9: 0.8, 12: 0.2}
    made, _, directory = make("--steps_per_epoch=3", validation=accuracies)
    _run(made, directory)
    assert _kept(directory, "best") == ([6], 6.0)
    assert made.best == {"accuracy": 0.8, "step": 6}
    assert made.measured == {"validation": {"accuracy": 0.2}, "test": {"accuracy": 0.25}}


def test_a_resumed_run_knows_its_best(make):
    flags = ["--steps_per_epoch=3", "--checkpoint_every=3"]
    first, loop, directory = make(*flags, validation={3: 0.8, 6: 0.1}, stop=lambda: loop.step == 6)
    with pytest.raises(PreemptedError, match="^stopped at step 6, saved$"):
        _run(first, directory)
    again, _, directory = make(*flags, validation={9: 0.5, 12: 0.7})
    _run(again, directory)
    assert _kept(directory, "best") == ([3], 3.0)
    assert again.best == {"accuracy": 0.8, "step": 3}


def test_each_thing_is_done_at_its_steps_and_all_at_the_last(make):
    summaries = _Pictures()
    accuracies = dict.fromkeys(range(13), 0.5)
    made, loop, directory = make(
        *("--train_steps=11", "--log_every=2", "--steps_per_epoch=3", "--checkpoint_every=4"),
        validation=accuracies,
        summaries=summaries,
    )
    _run(made, directory)
    steps = {split: [] for split in ("train", "validation", "test")}
    for line in _lines(directory):
        steps[line["split"]].append(line["step"])
    assert steps == {"train": [2, 4, 6, 8, 10, 11], "validation": [3, 6, 9, 11], "test": [11]}
    assert _kept(directory, "checkpoints") == ([8, 11], 11.0)
    assert directory.status["step"] == 11
    # A call ends wherever something is due, and never passes it.
    assert sum(loop.calls) == 11 and np.cumsum(loop.calls).tolist() == summaries.asked
    assert {2, 3, 4, 6, 8, 9, 10, 11} <= set(summaries.asked)


def test_a_line_has_the_means_since_the_last_one(make):
    flags = ["--log_every=4", "--train_steps=6", "--steps_per_epoch=3", "--checkpoint_every=2"]
    made, _, directory = make(*flags, validation={3: 0.5, 6: 0.5})
    _run(made, directory)
    # Steps 1 to 4, then 5 and 6, though validation and checkpoints come between.
    logged = [line["cross_entropy"] for line in _lines(directory) if line["split"] == "train"]
    assert logged == [2.5, 5.5]


def test_lines_and_means_go_over_a_checkpoint(make):
    # The checkpoint of step 3 has the first line behind it, and step 3 of the next one.
    flags = ["--log_every=2", "--train_steps=6", "--checkpoint_every=3"]
    first, loop, directory = make(*flags, stop=lambda: loop.step >= 3)
    with pytest.raises(PreemptedError):
        _run(first, directory)
    again, loop, directory = make(*flags)
    _run(again, directory)
    assert sum(loop.calls) == 3
    logged = [line["cross_entropy"] for line in _lines(directory) if line["split"] == "train"]
    assert logged == [1.5, 3.5, 5.5]


def test_a_stop_at_the_last_step_is_the_end(make):
    made, loop, directory = make(stop=lambda: loop.step == 12)
    _run(made, directory)
    assert _kept(directory, "checkpoints") == ([12], 12.0)


def test_the_first_log_of_the_first_step_that_is_not_finite_is_named():
    names = ["cross_entropy", "divergence", "objective", "gradient_norm/classifier"]
    rows = np.zeros((4, 4), np.float32)
    training._refuse_nonfinite(names, rows, 10)
    rows[2, 1:] = [np.inf, np.nan, np.nan]
    rows[3] = np.nan
    with pytest.raises(RunFailedError, match="^divergence became inf in step 13$"):
        training._refuse_nonfinite(names, rows, 10)


def test_a_log_that_is_not_finite_ends_the_run_with_the_last_good_checkpoint(make):
    made, loop, directory = make("--checkpoint_every=4")
    run = loop.run

    def diverge(num_steps):
        rows = run(num_steps)
        return np.where(rows == 7, np.nan, rows)

    loop.run = diverge
    with pytest.raises(RunFailedError, match=r"nan in step 7; the last good checkpoint is .*/4$"):
        _run(made, directory)
    assert directory.status["status"] == "failed"


def test_a_state_that_is_not_finite_is_not_kept_as_the_best(make):
    made, loop, directory = make("--steps_per_epoch=3", validation={3: 0.5})
    weight, run = loop.method.classifier.weights[0], loop.run

    def ruin(num_steps):
        rows = run(num_steps)
        weight.assign(weight * np.nan)
        return rows

    loop.run = ruin
    with pytest.raises(RunFailedError, match="kernel is no longer finite after step 3; no check"):
        _run(made, directory)
    assert not (directory.path / "best").exists()


def test_the_compiling_call_is_no_measure_of_the_pace(make, monkeypatch):
    # Each call takes 0.25 s by this clock, the first, which compiles, 100 s.
    made, loop, directory = make("--train_steps=3", "--log_every=1")
    now, run = [0.0], loop.run
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])

    def take(num_steps):
        now[0] += 0.25 if loop.step else 100.0
        return run(num_steps)

    loop.run = take
    timings = []
    monkeypatch.setattr(directory, "log", lambda *values: timings.append(values[3:]))
    _run(made, directory)
    assert made.seconds_per_step == 0.25
    # 100 labeled and 250 unlabeled images a step; while it has only compiled there is no pace.
    assert timings[:3] == [({},), *[({"images_per_second": 1400.0},)] * 2]


def test_calls_are_multiples_of_what_the_loop_takes_fastest(make, monkeypatch):
    # Ten steps a second by this clock.
    made, loop, directory = make("--train_steps=12", "--log_every=10")
    loop.stride, now, run = 4, [0.0], loop.run
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])

    def take(num_steps):
        now[0] += 0.1 * num_steps
        return run(num_steps)

    loop.run = take
    _run(made, directory)
    # Up to step 10, where logs are due, in fours as far as they go; then what is left.
    assert loop.calls == [4, 4, 2, 2]


def test_steps_that_are_profiled_are_called_one_by_one(make):
    made, loop, directory = make("--profile_steps=5:7")
    _run(made, directory)
    assert {5, 6, 7, 12} <= set(np.cumsum(loop.calls).tolist())
    assert list(directory.path.glob("train/plugins/profile/*/*"))


def test_the_chiefs_clock_decides_how_many_steps_a_call_takes(make, monkeypatch):
    # By its own, of a thousand steps a second, a worker would take all that are left at once.
    made, loop, directory = make(peers=_Worker(lambda mine: 3 if type(mine) is int else mine))
    monkeypatch.setattr(made, "_refuse_drift", lambda: None)
    clock = itertools.count(step=0.001)
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    _run(made, directory)
    assert loop.calls == [3, 3, 3, 3]


def test_what_is_best_is_what_the_chief_measured(make):
    measured = iter([0.9, 0.1, 0.2, 0.3])

    def chief(mine):
        return {"accuracy": next(measured)} if type(mine) is dict and loop.step < 12 else mine

    accuracies = {3: 0.1, 6: 0.2, 9: 0.3, 12: 0.4}
    flags = ["--steps_per_epoch=3"]
    made, loop, directory = make(*flags, validation=accuracies, peers=_Worker(chief))
    _run(made, directory)
    assert _kept(directory, "best") == ([3], 3.0)


def test_a_request_to_another_worker_stops_this_one(make):
    made, loop, directory = make(
        "--log_every=1", peers=_Worker(lambda mine: loop.step == 5 if mine is False else mine)
    )
    with pytest.raises(PreemptedError, match="^stopped at step 5, saved$"):
        _run(made, directory)
    assert _kept(directory, "checkpoints") == ([5], 5.0)


def test_weights_that_are_not_the_chiefs_are_not_saved(make):
    made, _, directory = make(
        peers=_Worker(lambda mine: mine + 1 if type(mine) is int and mine > 12 else mine)
    )
    sentence = r"^worker 1 \(second:1\) has other weights than worker 0 \(first:1\) after step 12;"
    with pytest.raises(RunFailedError, match=sentence):
        _run(made, directory)
    assert not (directory.path / "checkpoints").exists()
