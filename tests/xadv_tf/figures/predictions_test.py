import numpy as np

from xadv_tf.figures import predictions

_NAMES = ["cat", "aquarium_fish"]


def test_names_are_shortened_to_what_fits():
    assert predictions.class_name(1, _NAMES, 13) == "aquarium_fish"
    assert predictions.class_name(1, _NAMES, 6) == "aquar…"
    assert predictions.class_name(7, None, 6) == "7"


def test_a_changed_class_is_in_another_colour():
    before, after = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.6, 0.4], [0.75, 0.25]])
    texts, colors = predictions.before_and_after(before, after, _NAMES)
    assert texts == ["cat (90%)\n→ cat (60%)", "aquar… (70%)\n→ cat (75%)"]
    assert colors == ["black", predictions.CHANGED]
