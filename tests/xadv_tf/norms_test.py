import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import norms

X = tf.constant([[[3.0], [4.0]], [[0.0], [0.0]]])  # norms 5 and 0


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e15])
def test_l2_normalize_over_and_below_float32_squares(scale):
    # (1e-25)^2 underflows and (1e25)^2 overflows float32.
    normalized = norms.l2_normalize(scale * X)
    np.testing.assert_allclose(normalized[:, :, 0], [[0.6, 0.8], [0.0, 0.0]], atol=1e-4)


def test_steepest_step():
    gradient = tf.constant([[3.0, -4.0]])
    np.testing.assert_allclose(norms.steepest_step(gradient, 0.5, "linf"), [[0.5, -0.5]])
    np.testing.assert_allclose(norms.steepest_step(gradient, 0.5, "l2"), [[0.3, -0.4]], rtol=1e-6)


def test_relative_energy():
    # 25 of 25 + 75, 0 of anything, and an image without any energy of its own.
    x = tf.constant([[5.0, 75**0.5], [1.0, 2.0], [0.0, 0.0]])
    perturbation = tf.constant([[3.0, -4.0], [0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(norms.relative_energy(perturbation, x), [0.25, 0.0, 0.0], rtol=1e-6)


def test_unknown_norm():
    with pytest.raises(ValueError, match="Received: norm='l1'"):
        norms.steepest_step(X, 1.0, "l1")


def test_projection_to_a_ball():
    inside_and_beyond = tf.constant([[0.3, 0.0, -0.4], [3.0, 0.0, -4.0], [0.0, 0.0, 0.0]])
    projected = norms.project_to_ball(inside_and_beyond, 1.0, "l2")
    # Lengths 0.5, 5 and 0.
    np.testing.assert_allclose(projected, [[0.3, 0, -0.4], [0.6, 0, -0.8], [0, 0, 0]], rtol=1e-6)
    projected = norms.project_to_ball(inside_and_beyond, 0.35, "linf")
    expected = [[0.3, 0, -0.35], [0.35, 0, -0.35], [0, 0, 0]]
    np.testing.assert_allclose(projected, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="Received: norm='l1'"):
        norms.project_to_ball(X, 1.0, "l1")


def test_l2_norm_below_float32_squares():
    np.testing.assert_allclose(norms.l2_norm(1e-25 * X)[:, 0, 0], [5e-25, 0], atol=1e-29)
