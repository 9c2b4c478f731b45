import figure_layout
import numpy as np
import pytest

from xadv_tf import figures

_COUNTS = np.array([[90, 6, 4], [0, 50, 0], [5, 0, 5]])
_NAMES = ["airplane", "cat", "dog"]


def test_hits_and_errors_are_shares_of_the_true_class_on_their_own_scales():
    figure = figures.draw_confusion(_COUNTS, _NAMES, title="a run")
    ax, *bars = figure.axes
    hits, errors = ax.images
    np.testing.assert_array_equal(np.diag(hits.get_array()), [90, 100, 50])
    assert hits.get_array().mask.sum() == 6  # all but the diagonal
    assert errors.get_array()[0, 1] == 6 and errors.get_array()[2, 0] == 50
    assert errors.get_array().mask.sum() == 6  # the diagonal and three empty cells
    assert hits.get_clim() == (0, 100)
    assert errors.get_clim() == (0, 50)
    assert [bar.get_title() for bar in bars] == ["hits, %", "errors, %"]


def test_rows_are_true_classes_and_cells_hold_counts():
    ax = figures.draw_confusion(_COUNTS, _NAMES, title="a run").axes[0]
    written = {text.get_position(): text.get_text() for text in ax.texts}
    # A position is (column, row).
    assert written == {
        (0, 0): "90", (1, 0): "6", (2, 0): "4", (1, 1): "50", (0, 2): "5", (2, 2): "5"
    }  # fmt: skip
    assert [label.get_text() for label in ax.get_yticklabels()] == _NAMES
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")


def test_a_class_without_examples_and_a_faultless_classifier():
    figure = figures.draw_confusion(np.diag([3, 0]), ["a", "b"], title="a run")
    hits, errors = figure.axes[0].images
    np.testing.assert_array_equal(np.diag(hits.get_array()), [100, 0])
    assert errors.get_array().mask.all()


@pytest.mark.parametrize(
    ("classes", "name"), [(3, "aquarium_fish"), (10, "automobile"), (100, "aquarium_fish")]
)
def test_names_and_title_are_apart_and_inside(classes, name):
    title = "xVAT-I+VAT on cifar10, validation, best on validation: 98.32 % of 10,000 right"
    counts = 1000 * np.eye(classes, dtype=int)
    figure = figures.draw_confusion(counts, [name] * classes, title=title)
    assert figure_layout.faults(figure) == []
    assert bool(figure.axes[0].texts) == (classes <= 10)


def test_a_name_for_each_class():
    with pytest.raises(ValueError, match="each of the 3 classes. Received: 2"):
        figures.draw_confusion(_COUNTS, ["a", "b"], title="a run")
