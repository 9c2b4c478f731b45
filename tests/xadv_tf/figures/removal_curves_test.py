import numpy as np
import pytest

from xadv_tf import figures

SHARE = np.linspace(0, 1, 9)


def _curve(label, level):
    mean = np.full(9, level)
    return figures.MeanCurve(label, mean, mean - 0.1, mean + 0.1)


@pytest.fixture
def figure():
    labels = [f"way {i}" for i in range(11)]
    panels = [
        [figures.Panel(f"{row}{column}", [_curve(x, 0.05 * i) for i, x in enumerate(labels)])
         for column in range(3)]
        for row in range(2)
    ]  # fmt: skip
    return figures.draw_removal_curves(SHARE, panels, xlabels=["off", "on"], title="title")


def test_each_panel_has_its_curves_and_their_intervals(figure):
    assert [ax.get_title() for ax in figure.axes] == ["00", "01", "02", "10", "11", "12"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["off"] * 3 + ["on"] * 3
    ax = figure.axes[4]
    np.testing.assert_array_equal(ax.lines[3].get_xdata(), SHARE)
    np.testing.assert_allclose(ax.lines[3].get_ydata(), 0.15)
    heights = ax.collections[3].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.05, 0.25))


def test_no_two_lines_look_alike_and_a_label_looks_the_same_everywhere(figure):
    def looks(ax):
        return {x.get_label(): (x.get_color(), x.get_linestyle(), x.get_marker()) for x in ax.lines}

    assert len(set(looks(figure.axes[0]).values())) == 11
    # Without colour too.
    assert len({look[1:] for look in looks(figure.axes[0]).values()}) == 11
    assert all(looks(ax) == looks(figure.axes[0]) for ax in figure.axes)


def test_the_legend_stands_outside_and_nothing_is_cut_off(figure):
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"way {i}" for i in range(11)]
    figures.pixels(figure)
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1
    assert all(box.y1 < ax.get_tightbbox().y0 for ax in figure.axes)
