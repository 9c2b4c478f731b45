import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.models import conv_large, conv_large_weight_norm


def num_trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_num_parameters():
    # Counted on the released PyTorch (xVAT) and TensorFlow (VAT) networks.
    assert num_trainable(conv_large(conv_bias=True)) == 3_119_754
    assert num_trainable(conv_large(affine=True)) == 3_121_802
    assert num_trainable(conv_large(affine=True, top_batch_norm=True)) == 3_121_802 + 20
    # 2,048 filters in all.
    assert num_trainable(conv_large()) == 3_119_754 - 2_048


def test_shapes_of_the_stages():
    model = conv_large()
    shapes = [layer.output.shape[1:] for layer in model.layers if "conv" in layer.name]
    assert shapes == (
        [(32, 32, 128)] * 3 + [(16, 16, 256)] * 3 + [(6, 6, 512), (6, 6, 256), (6, 6, 128)]
    )


def test_conv_bias_does_not_change_the_function():
    # The normaliser subtracts it: why it is off by default.
    plain = conv_large((12, 12, 3), dropout_rate=0.0, seed=1)
    biased = conv_large((12, 12, 3), dropout_rate=0.0, conv_bias=True, seed=1)
    x = tf.random.stateless_normal((4, 12, 12, 3), [1, 2])
    biases = [v for v in biased.trainable_variables if v.name == "bias"][:-1]
    assert len(biases) == 9
    for number, bias in enumerate(biases):
        bias.assign(tf.random.stateless_normal(bias.shape, [3, number]))
    expected = plain(x, training=True)
    with tf.GradientTape() as tape:
        logits = biased(x, training=True)
        loss = tf.reduce_mean(tf.square(logits))
    np.testing.assert_allclose(logits, expected, atol=1e-3)
    gradients = tape.gradient(loss, biased.trainable_variables)
    of_biases = [
        gradient
        for gradient, v in zip(gradients, biased.trainable_variables, strict=True)
        if any(v is bias for bias in biases)
    ]
    assert tf.linalg.global_norm(of_biases) < 1e-4 * tf.linalg.global_norm(gradients)


def test_dropout_differs_from_call_to_call_and_follows_the_seed():
    x = tf.random.stateless_normal((4, 12, 12, 3), [1, 2])
    first, again = conv_large((12, 12, 3), seed=1), conv_large((12, 12, 3), seed=1)
    logits = first(x, training=True)
    np.testing.assert_array_equal(logits, again(x, training=True))
    assert np.all(np.array(logits) != np.array(first(x, training=True)))
    np.testing.assert_array_equal(first(x), first(x))


def test_errors():
    with pytest.raises(ValueError, match=r"at least 12 x 12. Received: input_shape=\(8, 32, 3\)"):
        conv_large((8, 32, 3))


def test_weight_norm_variant():
    model = conv_large_weight_norm()
    # 3,117,696 kernel weights, and g and b for 2,048 filters and 10 logits.
    assert num_trainable(model) == 3_117_696 + 2 * 2_058 == 3_121_812
    assert [v.name for v in model.non_trainable_variables if v.name == "moving_mean"]
    with pytest.raises(ValueError, match="Received: normalizer='layer_norm'"):
        conv_large(normalizer="layer_norm")
