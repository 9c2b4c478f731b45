import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import noise
from xadv_tf.attacks.attack import restart_seed
from xadv_tf.attacks.ball import BallAttack


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_are_uniform_on_the_ball(norm):
    attack = BallAttack(attacks_support.linear, norm=norm, low=-9.0, high=9.0)
    images = np.full((4000, 1, 2, 1), 0.5, np.float32)
    start = attack.start(tf.constant(images), tf.constant(2.0), noise.seed_pair(0, "", 0, 0))
    change = np.reshape(start - images, (-1, 2))
    size = np.max(np.abs(change), 1) if norm == "linf" else np.linalg.norm(change, axis=1)
    # Of a square or a disc a quarter lies within half its size, up to a deviation of 0.007.
    assert np.mean(size < 1.0) == pytest.approx(0.25, abs=0.03)
    assert np.max(size) == pytest.approx(2.0, abs=0.01) and np.max(size) <= 2.00001
    np.testing.assert_allclose(np.mean(change, axis=0), 0, atol=0.08)  # deviation 0.018
    assert attack.excess(images, start, 2.0) < 1e-5


def test_projection_stays_in_the_ball_and_in_the_range():
    attack = BallAttack(attacks_support.linear, norm="l2")
    # A change of (3, 4) is one of (0.3, 0.4) within the range, of which the length is 0.5: it is
    # kept where the ball has room, and shortened to 0.25 where not.
    images, far = tf.constant([[0.7, 0.6]]), tf.constant([[3.7, 4.6]])
    np.testing.assert_allclose(attack.project(far, images, 0.9), [[1.0, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(attack.project(far, images, 0.25), [[0.85, 0.8]], rtol=1e-6)
    # A change of (3, 0.2), of which (0.3, 0.2) lies within the range: shortened along that.
    shortened = 0.3 / np.hypot(0.3, 0.2)
    expected = [[0.7 + 0.3 * shortened, 0.6 + 0.2 * shortened]]
    np.testing.assert_allclose(attack.project([[3.7, 0.8]], images, 0.3), expected, rtol=1e-6)


def test_excess_is_what_goes_beyond():
    images, found = np.array([[0.5, 0.5]]), np.array([[0.8, 0.1]])
    linf, l2 = (BallAttack(attacks_support.linear, norm=norm) for norm in ("linf", "l2"))
    assert linf.excess(images, found, 0.4) == pytest.approx(0.0)
    assert linf.excess(images, found, 0.3) == pytest.approx(0.1)
    assert l2.excess(images, found, 0.4) == pytest.approx(0.1)  # The length is 0.5.
    assert linf.excess(images, np.array([[0.5, 1.25]]), 1.0) == pytest.approx(0.25)
    assert linf.excess(images, np.array([[-0.25, 0.5]]), 1.0) == pytest.approx(0.25)


class _TwoStarts(BallAttack):
    """The first search finds the loss 3, the second 5, and the third 4."""

    def search_once(self, images, labels, epsilon, seed):
        value = tf.add_n(
            tf.where(tf.reduce_all(seed == restart_seed(self.start_seed, restart)), loss, 0.0)
            for restart, loss in enumerate((3.0, 5.0, 4.0))
        )
        return self.evaluate(images, labels, tf.fill(tf.shape(images), value))


def test_the_best_of_the_restarts_counts():
    attack = _TwoStarts(
        lambda x: tf.concat([x, x - 99.0], axis=-1), loss=lambda _, z: z[:, 0], restarts=3
    )
    attack.start_seed = noise.seed_pair(0, "", 0, 0)
    found = attack(np.zeros((2, 1), np.float32), [0, 0], 9.0, seed=attack.start_seed)
    np.testing.assert_array_equal(found, [[5.0], [5.0]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"norm": "l1"}, "Received: norm='l1'"),
        ({"low": 1.0, "high": 1.0}, "low must be below high"),
        ({"restarts": 0}, "restarts must be at least 1"),
    ],
)
def test_arguments_out_of_range(given, message):
    with pytest.raises(ValueError, match=message):
        BallAttack(attacks_support.linear, **given)
