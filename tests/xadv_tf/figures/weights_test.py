import figure_layout
import numpy as np
import pytest

from xadv_tf import figures
from xadv_tf.figures import weights


def _layers(methods, layers=3):
    rng = np.random.default_rng(0)
    return {
        f"layer {i}: 1200 × 1200": {name: rng.normal(0, 0.1, (50, 40)) for name in methods}
        for i in range(layers)
    }


def test_a_histogram_is_of_all_weights_though_some_lie_outside():
    edges = np.array([-1.0, 0.0, 1.0])
    share = weights.histogram(np.array([[-0.5, 0.5], [0.25, 7.0]]), edges)
    np.testing.assert_allclose(share, [0.25, 0.5])


def test_the_lines_are_the_histograms_in_per_cent():
    values = {"MLE": np.repeat([-1.0, 0.0, 1.0], [10, 70, 20]), "VAT": np.full(100, 0.5)}
    ax = figures.draw_weights({"layer 1": values}, title="a run").axes[0]
    # The widest method ends at 1, so 81 bins are 2 / 81 wide, the middle one around 0.
    mle, vat = (np.asarray(line.get_ydata()) for line in ax.lines)
    assert (mle[0], mle[40], mle[-1]) == (10, 70, 20)
    assert np.nansum(mle) == pytest.approx(100)
    assert np.flatnonzero(np.isfinite(vat)).tolist() == [60]  # (0.5 + 1) / (2 / 81) = 60.75
    assert ax.get_xlim() == (-1, 1)
    assert ax.get_yscale() == "log"


def test_a_single_far_weight_does_not_widen_the_picture():
    values = np.append(np.random.default_rng(0).normal(0, 0.1, 10_000), 50.0)
    ax = figures.draw_weights({"layer 1": {"MLE": values}}, title="a run").axes[0]
    assert ax.get_xlim()[1] < 0.5  # Five deviations.


def test_the_numbers_stand_below_their_layer():
    figure = figures.draw_weights({"layer 1": {"MLE": np.array([0.0, 0, 3, 4])}}, title="a run")
    written = [text.get_text() for text in figure.texts]
    # Half of them are 0; Hoyer as in sparsity_test.py.
    assert written.count("50.0%") == 2 and "0.600" in written


def test_numbers_of_a_layer():
    measured = figures.measure_sparsity(np.array([0.0005, -0.005, 1.0, -1.0]))
    assert (measured.weights, measured.below_thousandth, measured.below_hundredth) == (4, 0.25, 0.5)
    assert measured.rms == pytest.approx(np.sqrt(0.5), rel=1e-4)
    assert measured.below_tenth_rms == 0.5


@pytest.mark.parametrize("layers", [1, 4])
def test_nothing_is_clipped_or_overlaps(layers):
    methods = ["MLE", "VAT", "RandomMask", "xVAT-I+VAT", "xVAT-T, seed 12"]
    figure = figures.draw_weights(_layers(methods, layers), title="Weights after training on MNIST")
    assert figure_layout.faults(figure) == []


def test_layers_of_other_methods_are_refused():
    for layers in ({}, {"a": {}}, {"a": {"MLE": np.ones(2)}, "b": {"VAT": np.ones(2)}}):
        with pytest.raises(ValueError, match="of the same methods. Received"):
            figures.draw_weights(layers, title="a run")
