import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.models import wide_resnet, wide_resnet_28_2, wide_resnet_28_10


def num_trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def expected_parameters(depth, width, num_classes):
    """Kernels, a scale and an offset for each normalised channel, and the dense layer."""
    total, channels = 9 * 3 * 16, 16
    for filters in (16 * width, 32 * width, 64 * width):
        for _ in range((depth - 4) // 6):
            total += 2 * channels + 9 * channels * filters + 2 * filters + 9 * filters * filters
            total += channels * filters if channels != filters else 0
            channels = filters
    return total + 2 * channels + channels * num_classes + num_classes


def test_num_parameters():
    # Zagoruyko & Komodakis 2016 give 36.5 M for 28-10, Oliver et al. 2018 1.5 M for 28-2.
    assert num_trainable(wide_resnet_28_10()) == expected_parameters(28, 10, 10) == 36_479_194
    assert num_trainable(wide_resnet_28_2()) == expected_parameters(28, 2, 10) == 1_467_610
    assert num_trainable(wide_resnet(num_classes=7, depth=10, width=1)) == (
        expected_parameters(10, 1, 7)
    )


def test_settings_of_the_two_networks():
    def activations(model):
        return {type(layer) for layer in model.layers} & {
            keras.layers.ReLU,
            keras.layers.LeakyReLU,
        }

    small, large = wide_resnet_28_2((8, 8, 3)), wide_resnet(width=1, depth=10)
    assert activations(small) == {keras.layers.LeakyReLU}
    assert activations(large) == {keras.layers.ReLU}
    normalizers = [layer for layer in small.layers if "batch_normalization" in layer.name]
    assert len(normalizers) == 25
    assert {(layer.momentum, layer.epsilon) for layer in normalizers} == {(0.999, 1e-3)}


@pytest.mark.parametrize(("share", "num_shared"), [(True, 3), (False, 1)])
def test_where_the_shortcut_starts(share, num_shared):
    # The three blocks of WRN-10-2 change the number of channels: each has a 1x1 shortcut.
    model = wide_resnet(depth=10, width=2, share_every_activation=share)
    shortcuts = [
        x for x in model.layers if isinstance(x, keras.layers.Conv2D) and x.kernel_size == (1, 1)
    ]
    assert len(shortcuts) == 3
    parents = [layer.input._keras_history.operation for layer in shortcuts]
    assert sum(isinstance(parent, keras.layers.ReLU) for parent in parents) == num_shared


def test_stride_two_windows_are_centred_on_the_shortcut():
    # With 3x3 kernels that are 1 in the centre and 0 elsewhere, and 1x1 kernels of 1, both
    # branches of a block sample the same pixels.
    padded = keras.Sequential(
        [
            keras.layers.ZeroPadding2D(1),
            keras.layers.Conv2D(1, 3, strides=2, padding="valid", use_bias=False),
        ]
    )
    x = tf.reshape(tf.range(64.0), (1, 8, 8, 1))
    padded(x)
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[1, 1] = 1.0
    padded.layers[-1].kernel.assign(kernel)
    np.testing.assert_array_equal(padded(x), x[:, ::2, ::2])
    model = wide_resnet(depth=10, width=1)
    strided = [
        x
        for x in model.layers
        if isinstance(x, keras.layers.Conv2D) and x.strides == (2, 2) and x.kernel_size == (3, 3)
    ]
    assert [layer.padding for layer in strided] == ["valid"] * 2
    assert [layer.output.shape[1:3] for layer in strided] == [(16, 16), (8, 8)]


def test_errors():
    with pytest.raises(ValueError, match=r"depth must be 6n \+ 4 with n >= 1. Received: depth=27"):
        wide_resnet(depth=27)
    with pytest.raises(ValueError, match=r"width must be at least 1. Received: width=0"):
        wide_resnet(width=0)
