import figure_layout
import numpy as np
import pytest
from matplotlib.patches import Circle, Rectangle

from xadv_tf import figures

_X = np.array([-0.8, 0.5])


def _draw(caption="what one sees " * 30):
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(20, 2))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    mask = rng.uniform(size=(20, 2))
    epsilon = np.array([0.0, 1.0])
    lengths = np.array([np.arange(101), 10 + np.arange(101)])
    return figures.draw_geometry(
        _X,
        [figures.Perturbed(e, _X + e * unit) for e in (0.1, 0.5)],
        [figures.Perturbed(e, e * _X * mask) for e in (0.5, 1.0, 1.5)],
        [figures.Lengths("added (VAT)", epsilon, lengths)],
        title="What ε does to a perturbation",
        caption=caption,
    )


def _points(ax):
    return [np.asarray(each.get_offsets()) for each in ax.collections]


def test_circles_have_the_radius_epsilon_and_hold_the_points():
    ax = _draw().axes[0]
    circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
    assert [circle.radius for circle in circles] == [0.1, 0.5]
    for circle, points in zip(circles, _points(ax), strict=True):
        np.testing.assert_array_equal(circle.center, _X)
        distance = np.linalg.norm(points - _X, axis=-1)
        np.testing.assert_allclose(distance, circle.radius, rtol=1e-12)


def test_boxes_reach_from_0_to_epsilon_x_and_hold_the_points():
    ax = _draw().axes[1]
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    corners = [(box.get_x() + box.get_width(), box.get_y() + box.get_height()) for box in boxes]
    np.testing.assert_allclose(corners, [e * _X for e in (0.5, 1.0, 1.5)])
    for corner, points in zip(corners, _points(ax), strict=True):
        share = points / corner
        assert share.min() >= 0 and share.max() <= 1


def test_all_of_it_is_within_square_axes():
    for ax in _draw().axes[:2]:
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        assert right - left == pytest.approx(high - low)
        points = np.concatenate([*_points(ax), [_X, np.zeros(2)]])
        assert np.all(points > [left, low]) and np.all(points < [right, high])


def test_lengths_are_median_and_the_middle_90_per_cent():
    ax = _draw().axes[2]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [50, 60])
    vertices = ax.collections[0].get_paths()[0].vertices
    at_zero = vertices[vertices[:, 0] == 0, 1]
    assert (at_zero.min(), at_zero.max()) == pytest.approx((5, 95))


def test_nothing_is_clipped_or_overlaps():
    assert figure_layout.faults(_draw()) == []
