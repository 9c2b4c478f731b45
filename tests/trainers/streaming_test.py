"""A run on streamed images is the run on the same images in memory, to the last bit."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier, store

from trainers import train
from trainers.run import assembly, restore, split_manifest
from trainers.run.checkpoints import checkpoint
from trainers.run.loop import Loop
from trainers.run.run_directory import RunDirectory
from trainers.settings import experiment as experiment_lib
from xadv_tf import data, methods
from xadv_tf.data import preprocessing
from xadv_tf.layers import BatchNormalization, PerturbationGenerator, PerturbationTable

_POOL, _STEPS = 24, 20


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """24 of 30 images in memory and streamed, every second one labeled; and the other 6."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *IMAGE_SHAPE)).astype(np.uint8)
    labels = rng.integers(0, NUM_CLASSES, 30).astype(np.int32)
    pool, held_back = np.split(rng.permutation(30).astype(np.int32), [_POOL])
    labeled_in_pool = np.arange(0, _POOL, 2, dtype=np.int32)
    common = {
        "label": tf.constant(labels[pool[labeled_in_pool]]),
        "labeled_in_pool": tf.constant(labeled_in_pool),
    }
    streamed = store(tmp_path_factory.mktemp("records"), images, labels)
    scale = preprocessing.centered
    return {
        "memory": data.PoolData(image=scale(images[pool]), **common),
        "streamed": data.StreamedPool(image=streamed.select(pool).scaled(scale), **common),
        "held back": (scale(images[held_back]).numpy(), streamed.select(held_back).scaled(scale)),
    }


def _inductive():
    classifier = make_classifier(batch_norm=BatchNormalization(), dropout=0.2)
    return methods.XVAT(classifier, mask=PerturbationGenerator(seed=0), seed=5)


def _transductive():
    mask = PerturbationTable(_POOL, (*IMAGE_SHAPE[:2], 1), seed=0)
    return methods.XVAT(make_classifier(dropout=0.2), mask=mask, seed=5)


def _supervised():
    return methods.MLE(make_classifier(dropout=0.2), seed=5)


def _augment(image, seed):
    return data.random_flip(data.random_crop(image, seed("crop")), seed("flip"))


def _loop(pool, make, *, replicas=1):
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
        )
    keras.utils.set_random_seed(2)
    with strategy.scope():
        method = make()
        method.compile()
    sampler = data.Sampler(
        num_labeled=_POOL // 2,
        num_pool=_POOL,
        labeled_batch_size=6,
        unlabeled_batch_size=0 if make is _supervised else 8,
        seed=5,
    )
    # A table's masks belong to the images as they are.
    augment = None if make is _transductive else _augment
    return Loop(method, pool, sampler, strategy=strategy, augment=augment)


def _state(method):
    optimizers = [player.optimizer for player in method.all_players()]
    variables = [*method.variables, *(v for each in optimizers for v in each.variables)]
    return [tf.convert_to_tensor(variable).numpy() for variable in variables]


def _assert_same(one, other):
    assert one.step == other.step
    for a, b in zip(_state(one.method), _state(other.method), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "replicas"),
    [
        (_inductive, 1),
        pytest.param(_transductive, 1, marks=pytest.mark.slow),
        (_supervised, 1),
        pytest.param(_transductive, 2, marks=pytest.mark.slow),
    ],
)
def test_streamed_and_in_memory_are_the_same_run(make, replicas, pools):
    memory, streamed = (
        _loop(pools[kind], make, replicas=replicas) for kind in ("memory", "streamed")
    )
    rows = memory.run(_STEPS)
    # In several calls, the first a single step, as a program does it.
    streamed_rows = np.concatenate([streamed.run(n) for n in (1, 6, _STEPS - 7)])
    np.testing.assert_array_equal(streamed_rows, rows)
    assert len(np.unique(rows[:, memory.names.index("objective")])) == _STEPS
    _assert_same(streamed, memory)
    np.testing.assert_array_equal(*(memory.predict(images) for images in pools["held back"]))


@pytest.mark.slow
def test_a_resumed_stream_is_one_that_was_never_interrupted(pools, tmp_path):
    whole = _loop(pools["streamed"], _inductive)
    rows = whole.run(_STEPS)
    interrupted = _loop(pools["streamed"], _inductive)
    interrupted.run(8)
    path = checkpoint(interrupted.method).save(str(tmp_path / "checkpoint"))
    interrupted.run(3)  # Lost: it comes after the checkpoint.
    resumed = _loop(pools["streamed"], _inductive)
    checkpoint(resumed.method).restore(path).assert_consumed()
    np.testing.assert_array_equal(resumed.run(_STEPS - 8), rows[8:])
    _assert_same(resumed, whole)


def _run(workdir, *flags):
    """Trains by flags as the program does; returns what metrics.jsonl holds."""
    arguments = ["--method=xvat", "--num_labeled=12", "--labeled_batch_size=6", "--crop", "--flip"]
    arguments += ["--num_validation=10", "--unlabeled_batch_size=8", "--dataset=noise", "--quiet"]
    arguments += ["--train_steps=6", "--steps_per_epoch=3", "--log_every=1", "--scaling=zca_unit"]
    values = experiment_lib.parse([*arguments, *flags, f"--workdir={workdir}"])
    experiment = experiment_lib.from_flags(values)
    data, loop = assembly.prepare(experiment)
    directory = RunDirectory(str(workdir), experiment_lib.to_flagfile(values))
    train.train(experiment, data, loop, directory)
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()], data


@pytest.mark.slow
def test_the_flag_changes_where_the_images_are_and_nothing_else(tmp_path, store_noise):
    store_noise({"train": 70, "test": 9}, 3)
    memory, data_in_memory = _run(tmp_path / "memory", f"--data_dir={tmp_path}")
    streamed, streamed_data = _run(tmp_path / "streamed", f"--data_dir={tmp_path}", "--stream")
    assert [line["split"] for line in memory].count("validation") == 2
    assert streamed == memory

    pool_images = streamed_data.pool.images_at(np.arange(60))
    np.testing.assert_array_equal(pool_images, data_in_memory.pool.image)
    one, other = (split_manifest.describe(x, seed=1) for x in (data_in_memory, streamed_data))
    assert one["labeled"] == other["labeled"] and one["validation"] == other["validation"]

    _, data, method = restore.restore(str(tmp_path / "streamed"))
    test_images = data.test[0][:]
    np.testing.assert_array_equal(test_images, data_in_memory.test[0])
    assert isinstance(data.test[0], type(streamed_data.test[0]))
    assert np.all(np.isfinite(method(test_images)))
