import numpy as np

from xadv_tf.figures import draw_robustness
from xadv_tf.figures.robustness import Curve, Panel, Row


def _curve(label, accuracy):
    return Curve(label, accuracy, [a - 0.05 for a in accuracy], [a + 0.05 for a in accuracy])


def test_a_panel_an_attack_and_a_line_a_group():
    rows = [
        Row("epsilon", [Panel("PGD", [0.0, 0.1], [_curve("MLE", [0.9, 0.2])]),
                        Panel("Square", [0.0, 0.1], [_curve("VAT", [0.8, 0.4])])]),
        Row("share", [Panel("greedy", [0.0, 0.5], [_curve("VAT", [0.8, 0.1])])]),
    ]  # fmt: skip
    figure = draw_robustness(rows, title="digits", caption="bands")
    pgd, square, greedy, empty = figure.axes
    np.testing.assert_allclose(pgd.lines[0].get_ydata(), [90, 20])
    np.testing.assert_allclose(pgd.lines[0].get_xdata(), [0, 0.1])
    assert not empty.axison and greedy.get_title() == "greedy"
    band = pgd.collections[0].get_paths()[0].vertices
    assert np.isclose(band[:, 1].max(), 95) and np.isclose(band[:, 1].min(), 15)
    # A group looks the same wherever it is, and unlike the others also without colour.
    assert square.lines[0].get_color() == greedy.lines[0].get_color() != pgd.lines[0].get_color()
    assert square.lines[0].get_marker() != pgd.lines[0].get_marker()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["MLE", "VAT"]
