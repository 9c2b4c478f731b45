import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import noise
from xadv_tf.attacks import Square
from xadv_tf.attacks.square import _two_bumps


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_it_never_leaves_the_ball_or_the_range(norm):
    images, labels, _ = attacks_support.examples(low=0.0, high=1.0)
    attack = Square(attacks_support.linear, norm=norm, queries=30)
    for seed in range(10):
        found = attack(images, 1 - labels if seed % 2 else labels, 0.3, seed=seed)
        assert attack.excess(images, found, 0.3) < 1e-6


def test_it_reaches_the_worst_of_a_linear_classifier():
    images, labels, sign = attacks_support.examples()
    attack = Square(attacks_support.linear, queries=1500)
    found = attack(images, labels, 0.02).numpy()
    worst = attacks_support.worst(images, sign, 0.02, "linf")
    lowest = attacks_support.margins(worst, sign)
    margin = attacks_support.margins(found, sign)
    np.testing.assert_array_equal(margin < 0, lowest < 0)
    # Each channel of each of the 12 pixels has its sign found among 1,500 tries of one or more.
    np.testing.assert_allclose(margin[lowest > 0], lowest[lowest > 0], atol=1e-6)


def test_length_is_moved_to_where_it_counts():
    weights = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)

    def classifier(images):
        score = tf.tensordot(images[..., 0], tf.constant(weights), 2) + 9.0
        return tf.stack([score, tf.zeros_like(score)], axis=-1)

    images = np.full((3, 12, 12, 1), 0.5, np.float32)
    right = classifier(images).numpy()[:, 0] > 1.0
    attack = Square(classifier, norm="l2", queries=1000)
    change = attack(images, np.zeros(3, int), 0.1).numpy() - images
    assert np.all(right)
    np.testing.assert_allclose(np.linalg.norm(change.reshape(3, -1), axis=1), 0.1, rtol=1e-4)
    # Of 1,000 random directions in 144 dimensions the best has a cosine of 3.2 / 12 = 0.27.
    cosine = -np.tensordot(change[..., 0], weights, 2) / (0.1 * np.linalg.norm(weights))
    assert np.all(cosine > 0.5), cosine


def test_squares_shrink():
    images = tf.zeros([1, 28, 28, 1])
    attack = Square(attacks_support.linear, queries=10_000)
    # Roots of 0.8 x 784 = 627, of half of it, and of 627 / 512, the last.
    for query, side in ((1, 25), (11, 18), (9000, 1)):
        assert attack.side(tf.constant(query), images) == side
    # Section 3.2: halved after each of these queries. Sides of 1,000 pixels, too many to be equal.
    large = tf.zeros([1, 1000, 1000, 1])
    for halvings, query in enumerate((10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)):
        for after, more in ((0, 0), (1, 1)):
            side = round(1000 * np.sqrt(0.8 / 2 ** (halvings + more)))
            assert attack.side(tf.constant(query + after), large) == side
    # A tenth of the queries: ten times as soon.
    assert Square(attacks_support.linear, queries=1000).side(tf.constant(2), images) == 18


def test_two_bumps_of_length_one():
    side, place = 5, np.arange(-1, 7, dtype=np.int32)
    bumps = _two_bumps(tf.constant(place[:, None]), tf.constant(place[None, :]), tf.constant(side))
    inside = bumps.numpy()[1:6, 1:6]
    assert np.sum(np.abs(bumps)) == pytest.approx(np.sum(np.abs(inside)))
    upper, lower = inside[:2], inside[2:]  # 5 // 2 rows above, the rest below.
    assert np.all(upper > 0) and np.all(lower < 0)
    lengths = [np.linalg.norm(upper), np.linalg.norm(lower)]
    np.testing.assert_allclose(lengths, np.sqrt(0.5), rtol=1e-5)
    # Of a single pixel there is no upper half.
    assert _two_bumps(tf.zeros([1, 1], tf.int32), tf.zeros([1, 1], tf.int32), 1)[0, 0] == -1
    # The farthest ring has sum 1 / 3^2, the middle 1 + 1/4 + 1/9 (distances 0, 1 and 2 of 3).
    assert lower[1, 2] / lower[1, 0] == pytest.approx((1 + 1 / 4 + 1 / 9) / (1 / 9), rel=1e-4)


def _proposed(change, side, count=40):
    """Changes that norm l2 proposes for images that were changed by `change`, epsilon 1."""
    attack = Square(attacks_support.linear, norm="l2", low=-9.0, high=9.0)
    images = tf.zeros([count, 8, 8, 1])
    found = images + tf.constant(change, tf.float32)
    seed = noise.seed_pair(0, "", 0, 0)
    side, query = tf.constant(side), tf.constant(1)
    return attack._propose_l2(images, found, tf.constant(1.0), side, query, seed).numpy()[..., 0]


def test_the_length_that_is_left_goes_to_the_square():
    # A change of 0.05 everywhere has length 0.4, so 1 - 0.16 is left. The square of 2 by 2 gets
    # that and what lay in the n pixels of both squares, (0.84 + n 0.05^2), others keep 0.05.
    for proposed in np.abs(_proposed(0.05, 2)):
        unit = np.median(proposed) / 0.05  # All are scaled to length 1 in the end.
        source, to = np.sum(proposed == 0), proposed > 2 * np.median(proposed)
        gathered = np.sum(proposed[to] ** 2) / unit**2
        assert gathered == pytest.approx(0.84 + (4 + source) * 0.05**2, rel=1e-4)


def test_bumps_lie_and_stand():
    # Of a square of 4 by 4 one half is positive, the upper or the left one, and the other negative.
    lying = []
    for proposed in _proposed(0.0, 4):
        rows, columns = np.nonzero(proposed)
        signs = np.sign(proposed[rows[0] : rows[0] + 4, columns.min() : columns.min() + 4])
        lying.append(np.all(signs == signs[:, :1]))
        assert lying[-1] != np.all(signs == signs[:1])
    assert 8 < np.sum(lying) < 32  # Of 40, a deviation of 3.2 around 20.


def test_vectors_have_no_squares():
    with pytest.raises(ValueError, match="Received: images of shape"):
        Square(lambda x: x)(np.zeros((2, 3)), [0, 0], 0.1)


@pytest.mark.parametrize("given", [{"queries": 0}, {"share": 0.0}, {"share": 1.5}])
def test_arguments_out_of_range(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        Square(attacks_support.linear, **given)
