import types

import numpy as np

from trainers.explaining import switched_off
from xadv_tf import masks
from xadv_tf.data import preprocessing

IMAGE = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 6, 6, 1)).astype(np.float32)


def _images(scaling):
    data = types.SimpleNamespace(
        dataset=types.SimpleNamespace(image_shape=(6, 6, 1)),
        preprocess=preprocessing.SCALINGS[scaling],
    )
    return switched_off.images(IMAGE, data)


def test_each_way_is_what_its_name_says():
    made = _images("centered")
    assert list(made) == list(switched_off.WORDS)
    assert np.all(made["zero"] == 0)
    assert np.all(made["black"] == -0.5)
    np.testing.assert_array_equal(made["blurred"], masks.blur(IMAGE))
    assert {value.shape for value in made.values()} == {IMAGE.shape}


def test_black_is_left_out_where_it_is_zero():
    assert list(_images("unit")) == ["zero", "blurred"]
