import attacks_support
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attacks import PGD


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("l2", 0.1)])
def test_it_reaches_the_worst_of_a_linear_classifier(norm, epsilon):
    images, labels, sign = attacks_support.examples()
    # From elsewhere a corner of a cube is reached exactly, but a point of a sphere only approached.
    attack = PGD(attacks_support.linear, norm=norm, random_start=norm == "linf")
    found = attack(images, labels, epsilon).numpy()
    expected = attacks_support.worst(images, sign, epsilon, norm)
    worst = attacks_support.margins(expected, sign)
    margin = attacks_support.margins(found, sign)
    breakable = worst < 0
    assert 0 < np.sum(breakable) < len(images)
    np.testing.assert_array_equal(margin < 0, breakable)
    np.testing.assert_allclose(margin[~breakable], worst[~breakable], atol=1e-6)


def test_range_and_ball_hold_at_every_seed():
    images, labels, _ = attacks_support.examples(high=0.75)
    attack = PGD(attacks_support.linear, norm="l2", steps=5, low=0.1, high=0.75, restarts=2)
    for seed in range(5):
        assert attack.excess(images, attack(images, labels, 0.6, seed=seed), 0.6) < 1e-6
    differ = [attack(images, labels, 0.01, seed=seed).numpy() for seed in (0, 0, 1)]
    np.testing.assert_array_equal(differ[0], differ[1])
    assert np.any(differ[0] != differ[2])


def test_the_best_point_on_the_way_counts():
    # The logit of the label is (x - 0.4)^2 - 0.03, so x is wrong within 0.17 of 0.4. Steps of 0.5
    # go from 0 to 0.5, which is wrong, and back to 0. The image at 3 keeps the search going.
    attack = PGD(
        lambda x: tf.concat([tf.square(x - 0.4) - 0.03, 0.0 * x], axis=-1),
        **{"steps": 4, "relative_step": 2.0, "random_start": False, "low": 0.0, "high": 10.0},
    )
    found = attack(np.array([[0.0], [3.0]]), [0, 0], 1.0)
    np.testing.assert_allclose(found, [[0.5], [2.0]])


@pytest.mark.parametrize("given", [{"steps": 0}, {"relative_step": 0.0}])
def test_arguments_out_of_range(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        PGD(attacks_support.linear, **given)
