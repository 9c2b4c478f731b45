import numpy as np
import pytest

from xadv_tf.models import mnist_cnn


def test_num_parameters():
    # McMahan et al. 2017: 5*5*32 + 32 + 5*5*32*64 + 64 + 7*7*64*512 + 512 + 512*10 + 10.
    assert mnist_cnn().count_params() == 1_663_370


def test_dropout_is_optional():
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    plain = mnist_cnn((8, 8, 1), seed=1)
    dropped = mnist_cnn((8, 8, 1), dropout_rate=0.5, seed=1)
    np.testing.assert_array_equal(plain(x, training=True), plain(x))
    assert np.all(np.array(dropped(x, training=True)) != np.array(dropped(x)))


def test_errors():
    with pytest.raises(ValueError, match=r"at least 4 x 4. Received: input_shape=\(3, 3, 1\)"):
        mnist_cnn((3, 3, 1))
