"""Tests of trainers/run/checkpoints.py: what is damaged is found, named and passed over."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.errors import RunFailedError, UsageError
from trainers.run import storage
from trainers.run.checkpoints import Checkpoints, checkpoint, checksum, refuse_nonfinite
from xadv_tf.methods import XVAT


def _state(value):
    return tf.train.Checkpoint(a=tf.Variable([value] * 1000), b=tf.Variable([[value]]))


@pytest.fixture
def two(tmp_path):
    """Checkpoints of steps 3 and 12, whose variables hold their step."""
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 3, 12):
        checkpoints.save(_state(float(step)), step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12", "3"]
    assert checkpoints.last_good == tmp_path / "12"
    return tmp_path


def _restored(directory):
    checkpoints, state = Checkpoints(directory, keep=2), _state(0.0)
    checkpoints.restore(state, checkpoints.newest())
    assert np.unique(state.a.numpy()) == state.b.numpy()
    return float(state.b.numpy().item())


def test_the_newest_is_restored(two, capfd):
    assert _restored(two) == 12.0
    assert capfd.readouterr().err == ""


def _cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def _flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [_cut, _flip, pathlib.Path.unlink])
@pytest.mark.parametrize("file", ["state.index", "state.data-00000-of-00001"])
def test_a_damaged_one_is_named_and_the_one_before_it_used(two, capfd, file, damage):
    damage(two / "12" / file)
    assert _restored(two) == 3.0
    assert capfd.readouterr().err.startswith(f"warning: {two}/12 is damaged (")


def test_without_an_intact_one_there_is_none(two):
    for step in ("3", "12"):
        _cut(two / step / "state.index")
    assert Checkpoints(two, keep=2).newest() is None
    assert Checkpoints(two / "none", keep=2).newest() is None


def test_a_damaged_one_takes_no_place_of_an_intact_one(two):
    _cut(two / "12" / "state.index")
    checkpoints = Checkpoints(two, keep=2)
    checkpoints.restore(_state(0.0), checkpoints.newest())
    (two / "15.partial").mkdir()  # Of a process that was killed.
    checkpoints.save(_state(20.0), 20)
    assert sorted(path.name for path in two.iterdir()) == ["20", "3"]


def test_what_cannot_be_written_leaves_the_others(two, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "_sync", full)
    with pytest.raises(RunFailedError, match="13 could not be written .No space left on device"):
        Checkpoints(two, keep=2).save(_state(13.0), 13)
    assert sorted(path.name for path in two.iterdir()) == ["12", "3"]
    assert _restored(two) == 12.0


def test_another_architecture_is_refused(two):
    checkpoints = Checkpoints(two, keep=2)
    for other in (
        tf.train.Checkpoint(a=tf.Variable([0.0] * 999), b=tf.Variable([[0.0]])),
        tf.train.Checkpoint(c=tf.Variable(0.0)),
    ):
        with pytest.raises(
            UsageError, match="12 does not fit the model that the run's flags describe"
        ):
            checkpoints.restore(other, 12)


def test_a_state_that_is_not_finite_is_named():
    classifier = keras.Sequential([keras.layers.Input((4, 4, 1)), keras.layers.Flatten()])
    classifier.add(keras.layers.Dense(2, name="last"))
    method = XVAT(classifier)
    method.compile()
    refuse_nonfinite(method)
    velocity = next(v for v in method.optimizer.variables if "velocity" in v.path)
    velocity.assign(tf.fill(velocity.shape, np.inf))
    with pytest.raises(RunFailedError, match="velocity is no longer finite after step 0"):
        refuse_nonfinite(method)
    assert checkpoint(method).mask_optimizer is method.mask_optimizer


def test_a_checksum_sees_a_change_of_the_last_bit_wherever_it_is():
    method = XVAT(keras.Sequential([keras.layers.Input((6, 6, 1)), keras.layers.Flatten()]))
    method.compile()
    method.build((None, 6, 6, 1))
    seen = {checksum(method)}
    changed = [method.mask.trainable_variables[0], method.mask_optimizer.variables[-1]]
    for variable in changed:
        variable.assign(np.nextafter(variable.numpy(), np.float32(1)))
        seen.add(checksum(method))
    method.step.assign_add(1)
    seen.add(checksum(method))
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["c[1]", "a*b", "what?", "back\\slash", "a,b"])
def test_a_directory_may_have_a_name_that_looks_like_a_pattern(tmp_path, capfd, name):
    Checkpoints(tmp_path / name, keep=2).save(_state(3.0), 3)
    assert _restored(tmp_path / name) == 3.0
    assert capfd.readouterr().err == ""
