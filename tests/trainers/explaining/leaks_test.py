import numpy as np

from trainers.explaining import leaks

RNG = np.random.default_rng(0)
LABELS = np.arange(200) % 4


def test_a_map_that_writes_the_class_down_is_read():
    maps = RNG.normal(size=(200, 5, 5))
    maps[np.arange(200), 0, LABELS] += 6.0
    assert np.mean(leaks.right_predictions(maps, LABELS)) > 0.95


def test_a_random_map_tells_nothing():
    # Guessing is right in a quarter of the cases, of 200 with a deviation of 3 %. A probe that was
    # tested on what it was fitted to would do far better: there are as many numbers as images.
    right = leaks.right_predictions(RNG.normal(size=(200, 14, 14)), LABELS)
    assert abs(np.mean(right) - 0.25) < 0.13


def test_there_is_nothing_to_learn_from_one_class():
    assert leaks.right_predictions(RNG.normal(size=(20, 3, 3)), np.zeros(20, int)) is None
    # Of two images each fold learns from one.
    assert leaks.right_predictions(RNG.normal(size=(2, 3, 3)), np.array([0, 1])) is None
