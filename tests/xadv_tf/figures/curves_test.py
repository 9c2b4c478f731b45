import figure_layout
import numpy as np
import pytest

from xadv_tf import figures

_STEPS = np.arange(0, 1000, 100)


def _curve(label, runs=1):
    values = np.random.default_rng(0).uniform(80, 90, (runs, len(_STEPS)))
    return figures.Curve(label, _STEPS, values)


def test_mean_and_band_of_two_runs():
    # 1 and 3: mean 2, deviation sqrt(2) with divisor n - 1. Where one run has none: 5 alone.
    curve = figures.Curve("MLE", np.array([10, 20]), np.array([[1.0, 5.0], [3.0, np.nan]]))
    np.testing.assert_allclose(curve.mean, [2, 5])
    np.testing.assert_allclose(curve.std, [np.sqrt(2), 0])
    ax = figures.draw_curves({"accuracy": [curve]}, title="a run").axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2, 5])
    (band,) = ax.collections
    points = band.get_paths()[0].vertices
    at_ten = points[points[:, 0] == 10, 1]
    assert (at_ten.min(), at_ten.max()) == pytest.approx((2 - np.sqrt(2), 2 + np.sqrt(2)))


def test_one_run_has_no_band():
    assert not figures.draw_curves({"accuracy": [_curve("MLE")]}, title="a").axes[0].collections


def test_an_experiment_looks_the_same_in_all_panels():
    panels = {"accuracy": [_curve("MLE"), _curve("VAT")], "divergence": [_curve("VAT")]}
    first, second = figures.draw_curves(panels, title="a run").axes
    assert second.lines[0].get_color() == first.lines[1].get_color() != first.lines[0].get_color()


@pytest.mark.parametrize(
    ("values", "scale"), [([1, 51], "log"), ([1, 49], "linear"), ([0, 99], "linear")]
)
def test_what_spans_decades_is_logarithmic(values, scale):
    curve = figures.Curve("MLE", np.arange(2), np.array([values, values]))
    assert figures.draw_curves({"nats": [curve]}, title="a").axes[0].get_yscale() == scale


@pytest.mark.parametrize("panels", [1, 2, 5])
@pytest.mark.parametrize("methods", [1, 16])
def test_nothing_is_clipped_or_overlaps(panels, methods):
    names = [f"xVAT-T+entropy #{i}" for i in range(methods)]
    shown = {f"validation accuracy, % {i}": [_curve(n, 3) for n in names] for i in range(panels)}
    title = "Training on mnist" if panels == 1 else "Training on mnist: mean of up to 3 seeds"
    assert figure_layout.faults(figures.draw_curves(shown, title=title)) == []


def test_nothing_to_draw_is_refused():
    for panels in ({}, {"accuracy": []}):
        with pytest.raises(ValueError, match="must have a curve"):
            figures.draw_curves(panels, title="a run")
