import figure_layout
import numpy as np
import pytest
from rich.console import Console

from trainers.drawing import weights
from trainers.errors import UsageError


def test_each_layer_has_the_weights_of_each_run(make_run):
    (first, mle), (second, vat) = make_run("--method=mle"), make_run("--method=vat", "--epsilon=1")
    drawing = weights.draw([str(first), str(second)])
    ax = drawing.picture.axes[0]
    assert [each.get_title() for each in drawing.picture.axes] == [
        "layer 1: 784×1200", "layer 2: 1200×1200", "layer 3: 1200×10"
    ]  # fmt: skip
    assert [line.get_label() for line in ax.lines] == ["MLE", "VAT"]
    for line, method in zip(ax.lines, (mle, vat), strict=True):
        kernel = method.classifier.trainable_variables[0].numpy()
        left, right = ax.get_xlim()
        expected = 100 * np.histogram(kernel, 81, (left, right))[0] / kernel.size
        np.testing.assert_allclose(np.nan_to_num(line.get_ydata()), expected, atol=1e-3)
    assert figure_layout.faults(drawing.picture) == []


def test_the_numbers_are_told_in_80_columns():
    rng = np.random.default_rng(0)
    layers = {f"layer {i}: 3×3×128×256": {"xVAT-I+VAT, seed 12": rng.normal(0, 0.02, 9000)}
              for i in (1, 2)}  # fmt: skip
    console = Console(width=80)
    with console.capture() as capture:
        console.print(weights._table(layers))
    lines = capture.get().splitlines()
    rows = [line for line in lines if "xVAT-I+VAT, seed 12" in line]
    shares = [np.mean(np.abs(runs["xVAT-I+VAT, seed 12"]) < 0.01) for runs in layers.values()]
    for row, share in zip(rows, shares, strict=True):
        assert f" {100 * share:.2f}% " in row
    assert len(lines) == 6 and all(len(line) <= 80 for line in lines)


def test_other_networks_are_refused(make_run):
    mle, _ = make_run("--method=mle")
    narrow, _ = make_run("--method=mle", "--model=mlp_supervised")
    with pytest.raises(UsageError, match="of one network with --figure=6. Received"):
        weights.draw([str(mle), str(narrow)])


def test_of_many_layers_the_ends_and_two_between_are_shown():
    names = [f"layer {number}" for number in range(1, 11)]
    assert weights._some(names) == ["layer 1", "layer 4", "layer 7", "layer 10"]
    assert weights._some(names[:2]) == names[:2]
