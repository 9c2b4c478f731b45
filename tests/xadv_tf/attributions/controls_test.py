import numpy as np
import tensorflow as tf

from xadv_tf.attributions import controls

IMAGE = tf.zeros([20, 8, 8, 3])


def _neighbours(values):
    """Correlation of horizontal neighbours."""
    values = np.asarray(values)
    return np.corrcoef(values[:, :, 1:].ravel(), values[:, :, :-1].ravel())[0, 1]


def test_random_is_uniform_and_a_function_of_its_seed():
    drawn = controls.random(IMAGE, seed=3)
    assert drawn.shape == (20, 8, 8)
    # 1,280 draws: their mean has a deviation of 0.289 / 35.8 = 0.008.
    np.testing.assert_allclose(np.mean(drawn), 0.5, atol=0.035)
    np.testing.assert_array_equal(drawn, controls.random(IMAGE + 1, seed=3))
    assert np.all(drawn != controls.random(IMAGE, seed=4))


def test_neighbours_go_together_once_blurred():
    assert abs(_neighbours(controls.random(IMAGE))) < 0.12  # 4 deviations of 1 / sqrt(1120).
    # Blurred by a Gaussian of deviation s = 0.8, neighbours correlate by exp(-1 / (4 s^2)) = 0.68.
    assert _neighbours(controls.blurred_random(IMAGE)) > 0.5


def test_distance_is_the_largest_change_of_a_channel():
    image = tf.constant([[[[1.0, -3.0], [0.5, 0.5]]]])
    shown = controls.distance(image, tf.constant([[[[0.0, 0.0], [0.5, 1.0]]]]))
    assert shown.numpy().tolist() == [[[3.0, 0.5]]]
