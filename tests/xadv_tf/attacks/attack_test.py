import numpy as np
import tensorflow as tf

from xadv_tf import noise
from xadv_tf.attacks.attack import Best, draw_seed, restart_seed, select


def _best(found, loss, broken):
    return Best(tf.constant(found)[:, None], tf.constant(loss), tf.constant(broken))


def test_what_breaks_wins_then_the_larger_loss():
    first = _best([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 9.0, 2.0], [False, False, False, True])
    other = _best([1.0, 1.0, 1.0, 1.0], [2.0, 0.5, 1.0, 9.0], [False, False, True, False])
    best = first.better(other)
    np.testing.assert_array_equal(best.found[:, 0], [1, 0, 1, 0])
    np.testing.assert_array_equal(best.loss, [2, 1, 1, 2])
    np.testing.assert_array_equal(best.broken, [False, False, True, True])


def test_select_takes_whole_images():
    chosen = select(tf.constant([True, False]), tf.ones([2, 2, 1]), tf.zeros([2, 2, 1]))
    np.testing.assert_array_equal(chosen[..., 0], [[1, 1], [0, 0]])


def test_draws_differ_by_seed_purpose_and_step():
    pairs = [
        tuple(draw_seed(noise.seed_pair(seed, "a", 0, 0), purpose, step).numpy())
        for seed in (0, 1)
        for purpose in ("place", "sign")
        for step in (0, 1)
    ]
    assert len(set(pairs)) == len(pairs)


def test_no_search_draws_what_another_one_drew():
    start = noise.seed_pair(0, "a", 0, 0)
    pairs = [
        tuple(draw_seed(restart_seed(start, restart), "square", step).numpy())
        for restart in range(4)
        for step in range(20)
    ]
    assert len(set(pairs)) == len(pairs)
