import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.attributions import gradients, removal

RNG = np.random.default_rng(0)
WEIGHTS = tf.constant(RNG.normal(size=(3, 3, 2, 4)), tf.float32)
IMAGE = tf.constant(RNG.normal(size=(2, 3, 3, 2)), tf.float32)
LABEL = [2, 0]


def _linear(image):
    return tf.einsum("bhwc,hwck->bk", image, WEIGHTS)


def _of_label():
    return np.stack([WEIGHTS[..., 2], WEIGHTS[..., 0]])


def test_the_gradient_of_linear_logits_is_their_weights():
    expected = np.max(np.abs(_of_label()), axis=-1)
    np.testing.assert_allclose(gradients.gradient(_linear, IMAGE, LABEL), expected, rtol=1e-6)
    # Noise on the image changes nothing of it.
    smooth = gradients.smooth_grad(_linear, IMAGE, LABEL, num_samples=4)
    np.testing.assert_allclose(smooth, expected, rtol=1e-5)


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_integrated_gradients_share_out_the_difference_of_the_logits(baseline):
    shown = gradients.integrated_gradients(_linear, IMAGE, LABEL, baseline=baseline, num_steps=3)
    expected = np.sum(_of_label() * (IMAGE - baseline), axis=-1)
    np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


def test_integrated_gradients_go_the_whole_way():
    # Logit sum of x^2: between x' and x a pixel adds x^2 - x'^2, of which the gradient at x alone,
    # 2 x (x - x'), would be wrong. The midpoint rule is exact for squares.
    shown = gradients.integrated_gradients(
        lambda x: tf.reduce_sum(x**2, axis=[1, 2])[:, :1], IMAGE[..., :1], [0, 0], baseline=0.5
    )
    expected = IMAGE[..., 0] ** 2 - 0.25
    np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


def test_smooth_grad_sees_beyond_the_image():
    # Logit sum of relu(x - 0.3) at pixels 0 and 2. The noise's deviation is 0.15 of the range, of
    # 2, so at pixel 0 the slope is 1 in P(N > 1) = 0.159 of the draws; of 400 that share has a
    # deviation of 0.018.
    image = tf.constant([0.0, 2.0], shape=[1, 1, 2, 1])

    def predict(x):
        return tf.reduce_sum(tf.nn.relu(x - 0.3), axis=[1, 2])

    assert gradients.gradient(predict, image, [0]).numpy().tolist() == [[[0.0, 1.0]]]
    smooth_grad = tf.function(gradients.smooth_grad)  # 400 passes, one graph.
    shown = smooth_grad(predict, image, [0], num_samples=400)
    np.testing.assert_allclose(shown[0, 0, 0], 0.159, atol=0.055)
    np.testing.assert_allclose(shown[0, 0, 1], 1.0, atol=1e-5)


def test_a_classifier_that_looks_at_three_pixels_is_explained_by_them():
    looked_at = np.array([0, 4, 5])

    def predict(x):
        seen = tf.gather(tf.reshape(x, [2, 9, 2]), looked_at, axis=1)
        score = tf.tanh(tf.reduce_sum(seen, axis=[1, 2]))
        return tf.stack([score, -score], axis=-1)

    rank = removal.ranks(gradients.gradient(predict, IMAGE, [0, 1]))
    first = np.argsort(np.reshape(rank, (2, 9)), axis=1)[:, :3]
    assert np.sort(first, axis=1).tolist() == [looked_at.tolist()] * 2
    # With these three gone it sees nothing: tanh(0) is no preference.
    curves = removal.deletion(predict, IMAGE, tf.zeros_like(IMAGE), rank, [0, 1], [0, 3, 9])
    np.testing.assert_allclose(curves.probability[:, 1:], 0.5, atol=1e-6)
    curves = removal.insertion(predict, IMAGE, tf.zeros_like(IMAGE), rank, [0, 1], [0, 3, 9])
    np.testing.assert_allclose(curves.probability[:, 1], curves.probability[:, 2], rtol=1e-6)
