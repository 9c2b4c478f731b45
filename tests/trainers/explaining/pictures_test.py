import types

import numpy as np

from trainers.explaining import pictures


def test_the_picture_shows_what_is_classified_rightly():
    image = np.arange(5.0).reshape(5, 1, 1, 1)
    names = types.SimpleNamespace(dataset=types.SimpleNamespace(class_names=["a", "b", "c"]))
    label, truth = np.array([1, 1, 0, 2, 0]), np.array([0, 1, 1, 1, 0])
    drawn = pictures.shown(image, label, truth, {"map": -image[..., 0]}, names)
    assert drawn["labels"] == ["a", "b"]
    assert drawn["x"].ravel().tolist() == [4, 1]
    assert drawn["maps"]["map"].ravel().tolist() == [-4, -1]
    # Where all are wrong, one of each class all the same.
    assert pictures.shown(image, label, truth + 5, {}, names)["labels"] == ["a", "b", "c"]
