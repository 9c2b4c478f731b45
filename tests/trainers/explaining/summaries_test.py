import numpy as np
import pytest

from trainers.explaining import summaries
from trainers.explaining.explanations import RANDOM
from trainers.explaining.measuring import Result

COUNTS = np.array([0, 1, 4])
CURVE = np.array([[1.0, 0.6, 0.2], [0.8, 0.4, 0.0]])


def _result(name, deletion, insertion, judge="classifier"):
    return Result(name, judge, "zero", deletion, insertion, deletion > 0.5, insertion > 0.5)


def test_areas_stand_beside_those_of_the_random_order_of_the_same_judge():
    rows = summaries.summarize(
        [
            _result("a", CURVE, CURVE[:, ::-1]),
            _result(RANDOM, CURVE + 0.1, CURVE[:, ::-1] - 0.2),
            _result(RANDOM, CURVE + 5.0, CURVE, judge="referee"),
        ],
        COUNTS,
    )
    deletion, insertion = rows[0]["deletion"], rows[0]["insertion"]
    # Image 0: (1 + 0.6) / 2 over a quarter and (0.6 + 0.2) / 2 over three: 0.5. Image 1: 0.3.
    assert deletion["area"]["mean"] == pytest.approx(0.4)
    assert (deletion["area"]["low"], deletion["area"]["high"]) == pytest.approx((0.3, 0.5))
    # (0.2 + 0.6) / 8 + 3 (0.6 + 1) / 8 = 0.7, and 0.5.
    assert insertion["area"]["mean"] == pytest.approx(0.6)
    # The same on each image, so the interval has no length.
    assert deletion["minus_random"] == pytest.approx({"mean": -0.1, "low": -0.1, "high": -0.1})
    assert insertion["minus_random"]["mean"] == pytest.approx(0.2)
    # Agreement 1, 1, 0 and 1, 0, 0: 0.25 + 0.375 and 0.125.
    assert deletion["agreement_area"]["mean"] == pytest.approx(0.375)
    assert deletion["curve"]["mean"] == pytest.approx([0.9, 0.5, 0.1])
    assert rows[2]["judge"] == "referee" and rows[2]["deletion"]["minus_random"]["mean"] == 0


def test_a_probe_is_told_with_its_interval():
    labels = np.arange(40) % 2
    row = summaries.probe("map", labels[:, None, None] + np.zeros((40, 2, 2)), labels)
    assert row == {"seen": "map", "accuracy": {"mean": 1.0, "low": 1.0, "high": 1.0}}
    assert summaries.probe("map", np.zeros((40, 2, 2)), 0 * labels)["accuracy"] is None


def test_where_the_images_tell_no_class_a_leak_test_says_nothing_of_maps():
    labels = np.arange(40) % 2
    blind = summaries.probe("nothing", np.zeros((40, 1)), labels)
    # It guesses the commoner class of the other images, hence never better than half of 40.
    assert blind["accuracy"]["mean"] <= 0.5
    noise = np.random.default_rng(0).normal(size=(40, 2, 2))
    (note,) = summaries.doubts(summaries.probe("images", noise, labels), blind)
    assert note.startswith("Too few images for the leak test")
    told = summaries.probe("images", noise + 9 * labels[:, None, None], labels)
    assert summaries.doubts(told, blind) == []
    one_class = summaries.probe("images", noise, 0 * labels)
    assert summaries.doubts(one_class, summaries.probe("nothing", noise, 0 * labels)) == []
