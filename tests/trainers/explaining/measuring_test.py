import numpy as np
import pytest
import tensorflow as tf

from trainers.explaining import measuring
from trainers.explaining.explanations import Explanation

# The probability of class 0 is linear in the four pixels, of which image 1 has only the last.
WEIGHTS = tf.constant([[0.03, 0.42], [0.1, 0.3]])
IMAGE = np.ones((2, 2, 2, 1), np.float32)
IMAGE[1] = np.array([0.0, 0.0, 0.0, 1.0]).reshape(2, 2, 1)
OFF = np.zeros_like(IMAGE)
COUNTS = np.arange(5)


def _predict(image):
    p = 0.1 + tf.reduce_sum(image[..., 0] * WEIGHTS, axis=[1, 2])
    return tf.math.log(tf.stack([p, 1 - p], axis=-1))


@pytest.fixture
def images():
    label = measuring.predict_labels(_predict, IMAGE)
    # 0.95 and 0.4.
    assert label.tolist() == [0, 1]
    return measuring.Images(IMAGE, label, {"zero": OFF, "one": 1 - OFF})


def test_a_judge_follows_each_image_and_its_class(images, monkeypatch):
    monkeypatch.setattr(measuring, "CHUNK", 1)
    judge = measuring.Judge("referee", _predict, COUNTS)
    heard = judge.hear("known", "zero", images, np.stack([WEIGHTS] * 2))
    assert (heard.explanation, heard.judge, heard.switched_off) == ("known", "referee", "zero")
    # Image 1, class 1: only without its one pixel, the second to go, 1 - 0.1 instead of 1 - 0.4.
    np.testing.assert_allclose(
        heard.deletion, [[0.95, 0.53, 0.23, 0.13, 0.1], [0.6, 0.6, 0.9, 0.9, 0.9]], rtol=1e-5
    )
    np.testing.assert_allclose(
        heard.insertion, [[0.1, 0.52, 0.82, 0.92, 0.95], [0.9, 0.9, 0.6, 0.6, 0.6]], rtol=1e-5
    )
    assert heard.deletion_agrees.tolist() == [[1, 1, 0, 0, 0], [1] * 5]
    assert heard.insertion_agrees.tolist() == [[0, 1, 1, 1, 1], [1] * 5]


def test_validation_says_which_sign_serves(images):
    judge = measuring.Judge("classifier", _predict, COUNTS)
    right, wrong = (
        Explanation(name, lambda x, k, off, sign=sign: sign * WEIGHTS * x[..., 0], is_mask=True)
        for name, sign in (("right", 1.0), ("wrong", -1.0))
    )
    # Of class 0 alone, whose pixels speak for it.
    first = measuring.Images(IMAGE[:1], images.label[:1], {"zero": OFF[:1]})
    found = measuring.signs([right, wrong], first, judge)
    # The areas of xadv_tf/attributions' tests: 0.35375 in the right order, else 0.69625.
    assert found["right"] == pytest.approx({"-log_alpha": 0.35375, "+log_alpha": 0.69625})
    assert found["wrong"] == pytest.approx({"-log_alpha": 0.69625, "+log_alpha": 0.35375})


def test_only_what_looks_at_the_pixels_switched_off_is_made_anew(images):
    def attribute(image, label, off):
        return off[..., 0]

    both = measuring.attribute(Explanation("a", attribute, relative=True), images, 1.0)
    assert np.all(both["zero"] == 0) and np.all(both["one"] == 1)
    # What says that it does not look is asked once.
    once = measuring.attribute(Explanation("a", attribute), images, 1.0)
    assert np.all(once["one"] == 0)


def test_the_sign_turns_the_attribution_round(images):
    given = Explanation("a", lambda x, k, off: x[..., 0])
    turned = measuring.attribute(given, images, -1.0)
    np.testing.assert_array_equal(turned["zero"], -IMAGE[..., 0])


def test_what_is_not_finite_is_refused(images):
    given = Explanation("a", lambda x, k, off: x[..., 0] / 0.0)
    with pytest.raises(ValueError, match=r"a must be finite. Received: NaN or infinity \(zero\)"):
        measuring.attribute(given, images, 1.0)
