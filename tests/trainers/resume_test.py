"""A run that was killed, or asked to stop, ends with the same bits as one that was left alone."""

import json
import pathlib
import signal

import killable
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

# Logs, validation and checkpoints fall on different steps: a checkpoint comes between two lines.
_FLAGS = [
    "--dataset=tiny.npz",
    "--num_labeled=20",
    "--num_validation=30",
    "--labeled_batch_size=10",
    "--unlabeled_batch_size=20",
    "--train_steps=11",
    "--steps_per_epoch=3",
    "--log_every=4",
    "--checkpoint_every=2",
    "--method=xvat",
]
_INDUCTIVE = [
    "--mask=inductive",
    "--mask_learning_rate=0.1",
    "--model=mnist_cnn",
    "--dropout=0.5",
    "--crop",
    "--flip",
]
_TRANSDUCTIVE = ["--mask=transductive"]
_TRANSDUCTIVE_WITH_DROPOUT = ["--mask=transductive", "--model=mnist_cnn", "--dropout=0.5"]

# Where a life ends, and by which signal.
_BEFORE_A_LINE = {"at": "run.run_directory:RunDirectory.log", "call": 4}
_IN_A_CHECKPOINT = {"at": "run.storage:_sync", "call": 2}
_IN_THE_BEST = _IN_A_CHECKPOINT  # Where validation comes before the next checkpoint.
_AT_THE_FIRST_LINE = {"at": "run.run_directory:RunDirectory.log", "call": 2}
_BEFORE_VALIDATION = {"at": "run.run_directory:RunDirectory.log", "call": 1}
_BEFORE_OLD_ONES_GO = {"at": "run.checkpoints:_remove_others", "call": 2}
_IN_THE_RESULT = {"at": "run.run_directory:RunDirectory.finish"}
_NEWEST_IS_CUT_SHORT = "what happens to it before the next life"
_ASKED_TO_STOP = {"at": "run.training:_refuse_nonfinite", "send": signal.SIGTERM}


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny(contrast=20)  # Hard enough for the best step to be a late one.


def _events(directory):
    """{tag: [(step, value), ...]} as TensorBoard reads them, but for pace, name and sessions."""
    read = EventAccumulator(str(directory)).Reload()
    return {
        tag: [
            (event.step, tf.make_ndarray(event.tensor_proto).tolist())
            for event in read.Tensors(tag)
        ]
        for tag in read.Tags()["tensors"]
        if tag not in ("train/images_per_second", "flags") and not tag.startswith("_hparams_")
    }


def _check(flags, lives, devices, gpu=False):
    whole, cut = pathlib.Path("whole"), pathlib.Path("cut")
    flags = [*_FLAGS, *flags, f"--strategy={'mirrored' if devices > 1 else 'one_device'}"]
    run = {"output": "output.txt", "devices": devices, "gpu": gpu}
    assert killable.run(*flags, "--workdir=whole", **run) == 0, pathlib.Path(
        "output.txt"
    ).read_text()
    for life in lives:
        if life is _NEWEST_IS_CUT_SHORT:
            data = cut / "checkpoints" / "7" / "state.data-00000-of-00001"
            data.write_bytes(data.read_bytes()[:-1])
            continue
        code = killable.run(*flags, "--workdir=cut", **run, **life)
        expected = 75 if life.get("send") else -signal.SIGKILL
        assert code == expected, pathlib.Path("output.txt").read_text()
        status = json.loads((cut / "status.json").read_text())["status"]
        assert status == ("preempted" if life.get("send") else "running")
    assert killable.run(*flags, "--workdir=cut", **run) == 0
    assert json.loads((cut / "status.json").read_text())["status"] == "done"

    assert (cut / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()
    for kind in ("checkpoints", "best"):
        (expected, expected_rest), (values, rest) = (
            killable.newest(run / kind) for run in (whole, cut)
        )
        assert rest == expected_rest
        assert values.keys() == expected.keys()
        for name, value in values.items():
            assert np.array_equal(value, expected[name]), name
    for kind in ("train", "eval"):
        assert _events(cut / kind) == _events(whole / kind)
    left = {path.name for path in (cut / "checkpoints").iterdir()}
    assert left == {path.name for path in (whole / "checkpoints").iterdir()} == {"10", "11"}


def test_generator_dropout_and_augmentation_on_one_device():
    lives = [_BEFORE_A_LINE, _IN_A_CHECKPOINT, _ASKED_TO_STOP, _NEWEST_IS_CUT_SHORT]
    _check(_INDUCTIVE, [*lives, _IN_THE_RESULT], devices=1)
    output = pathlib.Path("output.txt").read_text()
    # The stop came after one step of its life, between two checkpoints of the schedule.
    assert "stopped at step 7, saved" in output
    assert "warning: cut/checkpoints/7 is damaged (" in output
    assert "was preempted; going on from step 6\n" in output


# XADV_TF_TEST_GPU=1 sets TF_DETERMINISTIC_OPS=1, without which a GPU adds in any order.
@pytest.mark.gpu
@pytest.mark.parametrize("flags", [_INDUCTIVE, _TRANSDUCTIVE], ids=" ".join)
def test_on_a_gpu_with_deterministic_kernels(flags):
    _check(flags, [_BEFORE_A_LINE, _ASKED_TO_STOP], devices=1, gpu=True)


@pytest.mark.slow
def test_table_on_two_replicas():
    _check(_TRANSDUCTIVE, [_IN_THE_BEST], devices=2)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("flags", [_INDUCTIVE, _TRANSDUCTIVE_WITH_DROPOUT], ids=" ".join)
def test_every_combination(flags, devices):
    # From steps 0, 2, 2, 4 and 5: each life reaches its end.
    lives = [_AT_THE_FIRST_LINE, _IN_THE_BEST, _BEFORE_OLD_ONES_GO, _ASKED_TO_STOP]
    _check(flags, [*lives, _BEFORE_VALIDATION], devices)
