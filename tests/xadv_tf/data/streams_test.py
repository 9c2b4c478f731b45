import numpy as np
import pytest
import tensorflow as tf
from tests_support import store

from xadv_tf import data
from xadv_tf.data import preprocessing

_SHAPE = (5, 4, 3)
_COUNT = 20


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Twenty images of noise as arrays, and in records."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_COUNT, *_SHAPE)).astype(np.uint8)
    labels = rng.integers(0, 5, _COUNT).astype(np.int32)
    return images, labels, store(tmp_path_factory.mktemp("records"), images, labels)


def test_images_are_indexed_as_an_array_is(stored):
    images, _, streamed = stored
    assert streamed.shape == images.shape and len(streamed) == _COUNT
    assert streamed.dtype == images.dtype
    np.testing.assert_array_equal(streamed[3:9], images[3:9])
    np.testing.assert_array_equal(streamed[18:40], images[18:])
    assert streamed[5:5].shape == (0, *_SHAPE)
    np.testing.assert_array_equal(streamed[np.array([19, 0, 7])], images[[19, 0, 7]])


def test_a_selection_is_scaled_as_an_array_is(stored):
    images, _, streamed = stored
    positions = np.array([12, 3, 4, 19], np.int32)
    chosen = streamed.select(positions).scaled(preprocessing.centered)
    expected = preprocessing.centered(images[positions]).numpy()
    assert chosen.shape == (4, *_SHAPE) and chosen.dtype == expected.dtype
    np.testing.assert_array_equal(chosen[1:], expected[1:])


def test_the_hash_is_of_the_records_and_of_which_are_chosen(stored):
    _, _, streamed = stored
    choices = ([1, 2, 3], [1, 2, 4], [3, 2, 1])
    chosen = [streamed.select(np.array(choice, np.int32)) for choice in choices]
    assert len({images.sha256 for images in [streamed, *chosen]}) == 4
    assert streamed.select(np.array([1, 2, 3], np.int32)).sha256 == chosen[0].sha256
    assert chosen[0].scaled(preprocessing.unit).sha256 == chosen[0].sha256  # Of the bytes stored.


def _pools(stored):
    """The same pool in memory and streamed: 16 of the 20 images, 6 of them labeled."""
    images, labels, streamed = stored
    pool = np.setdiff1d(np.arange(_COUNT), [2, 5, 11, 17]).astype(np.int32)
    labeled_in_pool = np.array([0, 3, 4, 8, 9, 15], np.int32)
    common = {
        "label": tf.constant(labels[pool[labeled_in_pool]]),
        "labeled_in_pool": tf.constant(labeled_in_pool),
        "pool_label": tf.constant(labels[pool]),
    }
    scale = preprocessing.unit
    return (
        data.PoolData(image=scale(images[pool]), **common),
        data.StreamedPool(image=streamed.select(pool).scaled(scale), **common),
    )


def _sampler(unlabeled_batch_size, *, labeled_batch_size=4, joined=False):
    return data.Sampler(
        num_labeled=6,
        num_pool=16,
        labeled_batch_size=labeled_batch_size,
        unlabeled_batch_size=unlabeled_batch_size,
        seed=3,
        joined=joined,
    )


def _assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    "sampler",
    [
        _sampler(6),
        _sampler(0),
        _sampler(6, joined=True),
        _sampler(6, labeled_batch_size=0),
    ],
)
def test_the_batches_are_those_of_the_pool_in_memory(sampler, stored):
    memory, streamed = _pools(stored)
    stream = data.Stream(streamed, sampler, tf.distribute.get_strategy())
    iterator = stream.take(7, 5)
    for step in range(7, 12):
        found = next(iterator)
        expected = memory.gather(sampler.indices(step), joined=sampler.joined)
        if expected["unlabeled"] is expected["labeled"]:
            del expected["unlabeled"]
        assert found.keys() == expected.keys()
        for name in expected:
            _assert_same(found[name], expected[name])


def test_batches_outside_a_stream_are_the_same(stored):
    memory, streamed = _pools(stored)
    draws = _sampler(6).indices(3)
    for name, expected in memory.gather(draws).items():
        _assert_same(streamed.gather(draws)[name], expected)
    assert streamed.gather(data.Draws(draws.labeled, None))["unlabeled"].keys() == {
        "image",
        "label",
        "index",
    }


def test_a_stream_goes_on_or_starts_anew(stored):
    memory, streamed = _pools(stored)
    sampler = _sampler(6)
    stream = data.Stream(streamed, sampler, tf.distribute.get_strategy())
    first = stream.take(0, 2)
    for step, iterator in [(0, first), (1, first)]:
        expected = memory.gather(sampler.indices(step))["unlabeled"]
        _assert_same(next(iterator)["unlabeled"], expected)
    assert stream.take(2, 3) is first
    again = stream.take(1, 1)  # Not where the last call would have ended: as after a restore.
    assert again is not first
    _assert_same(next(again)["unlabeled"], memory.gather(sampler.indices(1))["unlabeled"])


@pytest.mark.parametrize("unlabeled_batch_size", [0, 6])
def test_two_replicas_take_turns(unlabeled_batch_size, stored):
    memory, streamed = _pools(stored)
    sampler = _sampler(unlabeled_batch_size)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    iterator = data.Stream(streamed, sampler, strategy).take(4, 3)
    for step in range(4, 7):
        shares = strategy.experimental_local_results(next(iterator)["labeled"]["image"])
        assert [share.device[-5:] for share in shares] == ["CPU:0", "CPU:1"]
        for replica, share in enumerate(shares):
            expected = memory.gather(sampler.indices(step, replica, 2))["labeled"]["image"]
            np.testing.assert_array_equal(share, expected)


def test_a_worker_of_several_reads_its_own_share(stored):
    # Worker 1 of 2 with one replica: every element of its data set is a step's second half.
    memory, streamed = _pools(stored)
    sampler = _sampler(6)
    stream = data.Stream(streamed, sampler, tf.distribute.get_strategy())
    context = tf.distribute.InputContext(
        num_input_pipelines=2, input_pipeline_id=1, num_replicas_in_sync=2
    )
    for step, found in zip((9, 10), stream._batches(9, context), strict=False):
        expected = memory.gather(sampler.indices(step, 1, 2))["unlabeled"]
        _assert_same(found["unlabeled"], expected)
