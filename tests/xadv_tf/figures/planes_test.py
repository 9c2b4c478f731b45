import figure_layout
import numpy as np
import pytest

from xadv_tf import figures

_SIDE = np.linspace(-2, 2, 41)


def _plane(label="VAT", perturbed=True):
    """Class 1 where the first coordinate is above 0.5."""
    probability = np.tile(1 / (1 + np.exp(-9 * (_SIDE - 0.5))), (41, 1))
    x = np.random.default_rng(0).normal(0, 0.7, (30, 2))
    return figures.Plane(label, "97.5 % right", probability, x, 0.5 * x if perturbed else None)


def _draw(*planes, **kwargs):
    labeled = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    labels = np.array([0, 1, 0])
    title = "Moons in a plane of a space of 100 dimensions, after 1,000 steps"
    return figures.draw_planes(planes, extent=2, labeled=labeled, labels=labels, title=title,
                               **kwargs)  # fmt: skip


def test_the_boundary_is_where_classes_are_equally_likely():
    ax = _draw(_plane()).axes[0]
    (boundary,) = [each for each in ax.collections if getattr(each, "levels", [0])[0] == 0.5]
    points = np.concatenate([path.vertices for path in boundary.get_paths()])
    np.testing.assert_allclose(points[:, 0], 0.5, atol=0.01)
    assert (points[:, 1].min(), points[:, 1].max()) == (-2, 2)
    ground = ax.collections[0]
    np.testing.assert_allclose(ground.levels[1:-1], [0.05, 0.5, 0.95])  # 95 % of either class.


def test_lines_lead_from_x_to_x_adv():
    plane = _plane()
    segments = [np.asarray(each.get_segments()) for each in _draw(plane).axes[0].collections
                if hasattr(each, "get_segments")]  # fmt: skip
    (shown,) = [each for each in segments if each.shape == (30, 2, 2)]
    np.testing.assert_allclose(shown[:, 0], plane.x)
    np.testing.assert_allclose(shown[:, 1], plane.x_adv)


def test_classes_have_markers_of_their_own():
    ax = _draw(_plane(perturbed=False)).axes[0]
    sizes = [len(each.get_offsets()) for each in ax.collections if each.get_zorder() == 4]
    assert sizes == [2, 1]  # Class 0, class 1.


@pytest.mark.parametrize("count", [1, 4, 7])
def test_nothing_is_clipped_or_overlaps(count):
    planes = [_plane(label="xVAT-T and VAT") for _ in range(count)]
    assert figure_layout.faults(_draw(*planes, caption="what one sees " * 20)) == []


def test_no_plane_is_refused():
    with pytest.raises(ValueError, match="one or more"):
        _draw()
