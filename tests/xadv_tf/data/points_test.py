import numpy as np
import pytest

from xadv_tf.data import points


@pytest.mark.parametrize("name", points.SHAPES)
def test_points_lie_in_the_plane_that_the_basis_spans(name):
    made = points.make(name, seed=0)
    assert made.labeled.shape == (16, 100) and made.unlabeled.shape == (1000, 100)
    assert np.bincount(made.labels).tolist() == [8, 8]
    assert np.bincount(made.unlabeled_labels).tolist() == [500, 500]
    np.testing.assert_allclose(made.basis @ made.basis.T, np.eye(2), atol=1e-6)
    coordinates = made.in_plane(made.unlabeled)
    np.testing.assert_allclose(made.from_plane(coordinates), made.unlabeled, atol=1e-5)


def test_a_shadow_is_the_nearest_point_of_the_plane():
    made = points.make("moons", seed=0, dimensions=3)
    normal = np.cross(*made.basis)
    point = made.from_plane(np.array([0.3, -0.7])) + 5 * normal
    np.testing.assert_allclose(made.in_plane(point), [0.3, -0.7], atol=1e-5)


def test_in_two_dimensions_the_plane_is_the_space():
    made = points.make("circles", seed=0, dimensions=2)
    np.testing.assert_array_equal(made.in_plane(made.unlabeled), made.unlabeled)


def test_moons_are_arcs_of_270_degrees_that_mirror_each_other():
    made = points.make("moons", seed=0)
    mirrored = made.in_plane(made.unlabeled) * np.where(made.unlabeled_labels == 0, 1, -1)[:, None]
    offset = mirrored - [-0.5, 0.25]
    # 1,000 radii with the deviation 0.1: their mean is known to 0.003 (and 0.005 above 1, for the
    # noise across the radius), their deviation to 0.0022.
    radius = np.linalg.norm(offset, axis=1)
    assert np.mean(radius) == pytest.approx(1.005, abs=0.01)
    assert np.std(radius) == pytest.approx(0.1, abs=0.007)
    # Nothing in the middle of the first quadrant; noise turns a point by 6 degrees.
    angle = np.degrees(np.arctan2(offset[:, 1], offset[:, 0]))
    assert not np.any((angle > 30) & (angle < 60))
    # A third of the points on each 90 degrees of the arc: 333 with the deviation 15.
    assert np.sum(angle > 90) == pytest.approx(333, abs=60)


def test_circles_have_their_radii():
    made = points.make("circles", seed=0)
    radius = np.linalg.norm(made.in_plane(made.unlabeled), axis=1)
    for label, expected in ((0, 0.25), (1, 1.0)):
        own = radius[made.unlabeled_labels == label]
        # The noise across the radius adds 0.05^2 / (2 r), 0.005 at the inner circle.
        assert np.mean(own) == pytest.approx(expected + 0.05**2 / (2 * expected), abs=0.008)
        assert np.std(own) == pytest.approx(0.05, abs=0.006)


def test_a_seed_is_a_draw():
    first, again, other = (points.make("moons", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.unlabeled, again.unlabeled)
    assert np.any(first.unlabeled != other.unlabeled) and np.any(first.basis != other.basis)


def test_mistakes():
    with pytest.raises(ValueError, match="one of moons, circles. Received: name='rings'"):
        points.make("rings", seed=0)
    with pytest.raises(ValueError, match="dimensions must be at least 2. Received: dimensions=1"):
        points.make("moons", seed=0, dimensions=1)
