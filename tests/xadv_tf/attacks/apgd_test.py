import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attacks import APGD, difference_of_logits_ratio
from xadv_tf.attacks.apgd import _State, checkpoints, halved


def test_checkpoints_of_a_hundred_steps():
    # Intervals of 22, then of 3 less each time, but of 6 at the least: 19, 16, 13, 10, 7, 6, 6.
    assert checkpoints(100) == [0, 22, 41, 57, 70, 80, 87, 93, 99]


def test_step_sizes_are_halved_by_either_condition():
    # (rises in 8 steps, size, size at the last checkpoint, largest loss, that at the last one).
    cases = [
        ((5, 1.0, 2.0, 9.0, 1.0), True),  # 5 of 8 are less than 3/4.
        ((6, 1.0, 2.0, 1.0, 1.0), False),  # The size has just been halved.
        ((6, 1.0, 1.0, 1.0, 1.0), True),  # Neither halved nor a larger loss.
        ((6, 1.0, 1.0, 9.0, 1.0), False),
    ]
    columns = np.array([case for case, _ in cases]).T
    rises, *others = (tf.constant(column, tf.float32) for column in columns)
    found = halved(tf.cast(rises, tf.int32), 8, *others)
    np.testing.assert_array_equal(found, [expected for _, expected in cases])


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("l2", 0.1)])
def test_it_reaches_the_worst_of_a_linear_classifier(norm, epsilon):
    images, labels, sign = attacks_support.examples()
    attack = APGD(attacks_support.linear, norm=norm, steps=30)
    margin = attacks_support.margins(attack(images, labels, epsilon).numpy(), sign)
    expected = attacks_support.worst(images, sign, epsilon, norm)
    worst = attacks_support.margins(expected, sign)
    breakable = worst < 0
    assert 0 < np.sum(breakable) < len(images)
    np.testing.assert_array_equal(margin < 0, breakable)
    np.testing.assert_allclose(margin[~breakable], worst[~breakable], atol=1e-4 * epsilon)


def test_the_ratio_of_logits_breaks_what_can_be_broken():
    # A third class of a constant logit far below the two others.
    def three(images):
        logits = attacks_support.linear(images)
        return tf.concat([logits, tf.fill([tf.shape(images)[0], 1], -50.0)], axis=-1)

    images, labels, sign = attacks_support.examples()
    attack = APGD(three, steps=10, loss=difference_of_logits_ratio)
    margin = attacks_support.margins(attack(images, labels, 0.02).numpy(), sign)
    worst = attacks_support.margins(attacks_support.worst(images, sign, 0.02, "linf"), sign)
    np.testing.assert_array_equal(margin < 0, worst < 0)
    np.testing.assert_allclose(margin[worst > 0], worst[worst > 0], atol=1e-6)


def test_smaller_steps_find_what_lies_between():
    # The loss is the largest at x = 0.3. The first steps, of 2 epsilon, jump from border to border;
    # after eight halvings they are 2 / 256, and it begins each time at the best point.
    attack = APGD(
        lambda x: tf.concat([x, x - 99.0], axis=-1),
        loss=lambda _, logits: -tf.square(logits[:, 0] - 0.3),
        **{"low": -1.0, "high": 1.0, "random_start": False},
    )
    found = attack(np.zeros((1, 1), np.float32), [0], 1.0)
    np.testing.assert_allclose(found, [[0.3]], atol=0.01)


# Of 30 steps: 30 times 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93 and 0.99, rounded up.
_CHECKED = (7, 13, 18, 21, 24, 27, 28, 30)


def _height(x, y):
    """Waves of two lengths: steps up and down, and hills beside the highest."""
    return np.sin(9 * x) + 0.3 * np.cos(25 * x + 4 * y) - (y - 0.2) ** 2


def _slope(x, y):
    wave = -0.3 * np.sin(25 * x + 4 * y)
    return np.array([9 * np.cos(9 * x) + 25 * wave, 4 * wave - 2 * (y - 0.2)])


def _visited(start, epsilon, direction, project):
    """The points of algorithm 1 of Croce & Hein 2020, written down once more."""
    x, before, size, points = start, start, 2 * epsilon, [start]
    top, top_height, rises, last = start, _height(*start), 0, 0
    old_size, old_height = size, top_height
    height = top_height
    for step in range(1, 31):
        share = 1.0 if step == 1 else 0.75
        ahead = project(x + size * direction(_slope(*x)))
        moved = project(x + share * (ahead - x) + (1 - share) * (x - before))
        points.append(moved)
        rises += _height(*moved) > height
        x, before, height = moved, x, _height(*moved)
        if height > top_height:
            top, top_height = x, height
        if step in _CHECKED:
            stalls = size == old_size and top_height == old_height
            old_size, old_height = size, top_height
            if rises < 0.75 * (step - last) or stalls:
                x, height, size = top, top_height, size / 2
            rises, last = 0, step
    return np.array(points)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_its_way_is_that_of_the_paper(norm):
    visited = []

    def classifier(x):
        tf.py_function(lambda x: visited.append(x.numpy()), [x], [])
        return tf.concat([x, tf.fill([tf.shape(x)[0], 1], 99.0)], axis=-1)  # Always class 2.

    def height(_, logits):
        x, y = logits[:, 0], logits[:, 1]
        return tf.sin(9 * x) + 0.3 * tf.cos(25 * x + 4 * y) - (y - 0.2) ** 2

    attack = APGD(classifier, norm=norm, steps=30, loss=height, low=-9, high=9, random_start=False)
    starts = np.array([[0.05, 0.0], [0.87, -0.28], [0.93, 0.12]], np.float32)
    found = attack(starts, [2, 2, 2], 0.5).numpy()
    for i, start in enumerate(starts.astype(float)):

        def project(x, start=start):
            change = x - start
            if norm == "linf":
                return start + np.clip(change, -0.5, 0.5)
            return start + change * min(1.0, 0.5 / max(np.linalg.norm(change), 1e-9))

        def along(slope):
            return np.sign(slope) if norm == "linf" else slope / np.linalg.norm(slope)

        expected = _visited(start, 0.5, along, project)
        # The first one is the image itself, which every attack is compared with.
        np.testing.assert_allclose([each[i] for each in visited[1:]], expected, atol=2e-4)
        best = max(expected, key=lambda point: _height(*point))
        np.testing.assert_allclose(found[i], best, atol=2e-4)


def test_range_and_ball_hold():
    images, labels, _ = attacks_support.examples(high=0.75)
    for norm in ("linf", "l2"):
        attack = APGD(attacks_support.linear, norm=norm, steps=7, low=0.1, high=0.75)
        for epsilon in (0.0, 0.6):
            found = attack(images, labels, epsilon)
            assert attack.excess(images, found, epsilon) < 1e-6


def test_no_step_is_no_attack():
    with pytest.raises(ValueError, match="Received: steps=0"):
        APGD(attacks_support.linear, steps=0)


def test_a_halved_step_begins_at_the_best_point():
    attack = APGD(attacks_support.linear)
    two = {name: tf.constant([[1.0], [1.0]]) for name in ("x", "before", "gradient")}
    state = _State(
        **two,
        loss=tf.constant([1.0, 1.0]),
        top=tf.constant([[5.0], [5.0]]),
        top_gradient=tf.constant([[7.0], [7.0]]),
        top_loss=tf.constant([9.0, 9.0]),
        size=tf.constant([2.0, 2.0]),
        rises=tf.constant([1, 8]),  # Of 8 steps: too few, and enough.
        old_size=tf.constant([2.0, 2.0]),
        old_top_loss=tf.constant([3.0, 3.0]),
        best=tf.constant(0.0),  # Not looked at.
    )
    looked = attack._look(state, tf.constant(8))
    np.testing.assert_array_equal(looked.x, [[5], [1]])
    np.testing.assert_array_equal(looked.gradient, [[7], [1]])
    np.testing.assert_array_equal(looked.loss, [9, 1])
    np.testing.assert_array_equal(looked.size, [1, 2])
    np.testing.assert_array_equal(looked.rises, [0, 0])
    np.testing.assert_array_equal(looked.old_top_loss, [9, 9])
    between = attack._look(state, tf.constant(0))
    np.testing.assert_array_equal(between.size, [2, 2])
    np.testing.assert_array_equal(between.rises, [1, 8])
