import json

import numpy as np
import tensorflow as tf

from trainers.run.host_state import HostState


def _saved_and_restored(state, folder):
    path = tf.train.Checkpoint(memory=state).write(str(folder / "state"))
    again = HostState()
    tf.train.Checkpoint(memory=again).read(path).assert_consumed()
    return again


def test_a_checkpoint_keeps_every_attribute_to_the_last_bit(tmp_path):
    state = HostState()
    state.metrics_size = 123
    # 0.1 and 1/3 have no exact decimals: what comes back must be the same float32 and float64.
    state.rows = [np.float32([[0.1, 1 / 3]]), np.float32([[1e-30, 2.0], [3.0, 4.0]])]
    state.measured = {"validation": {"accuracy": 1 / 3}}
    state.best = 1 / 3
    state.pace = [0.1, 0.2]
    again = _saved_and_restored(state, tmp_path)
    assert all(rows.dtype == np.float32 for rows in again.rows)
    np.testing.assert_array_equal(np.concatenate(again.rows), np.concatenate(state.rows))
    for name in ("metrics_size", "measured", "best", "pace"):
        assert getattr(again, name) == getattr(state, name), name


def test_a_run_that_has_logged_nothing_yet(tmp_path):
    again = _saved_and_restored(HostState(), tmp_path)
    assert vars(again).keys() >= vars(HostState()).keys()
    assert (again.metrics_size, again.rows, again.measured, again.best) == (0, [], {}, None)


def test_nothing_that_it_holds_is_left_out():
    assert json.loads(HostState().serialize()).keys() == vars(HostState()).keys()
