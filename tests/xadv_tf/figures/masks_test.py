import dataclasses

import figure_layout
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from xadv_tf import figures

_COUNT = 3


def _probabilities(classes, top):
    rows = np.full((_COUNT, 4), (1 - top) / 3)
    rows[np.arange(_COUNT), classes] = top
    return rows


def _arguments(channels=1, mask_side=8):
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.5, 0.5, (_COUNT, 8, 8, channels))
    masked = figures.Multiplicative(
        label="xVAT-I",
        before=_probabilities([0, 1, 2], 0.94),
        after=_probabilities([0, 3, 2], 0.67),
        x_adv=0.5 * x,
        log_alpha=rng.uniform(-1.7, 0.3, (_COUNT, mask_side, mask_side, 1)),
        mask=rng.uniform(0, 1, (_COUNT, mask_side, mask_side, 1)),
    )
    additive = figures.Additive(
        label="VAT",
        before=_probabilities([0, 1, 2], 0.7),
        after=_probabilities([0, 1, 3], 0.4),
        x_adv=x + 0.03,
        perturbation=np.full(x.shape, 0.03),
    )
    return x, [5, 6, 7], masked, additive


def _rows(figure):
    """The axes that show images, one a row."""
    return [ax for ax in figure.axes if ax.images]


def _text(figure):
    return " ".join(text.get_text() for text in figure.texts)


def _values(ax):
    return np.stack([image.get_array() for image in ax.images])


def test_sure_predictions_of_long_names_do_not_overlap():
    x, _, masked, additive = _arguments()
    sure = {"before": _probabilities([0, 1, 2], 1.0), "after": _probabilities([2, 1, 0], 1.0)}
    rows = [dataclasses.replace(row, **sure) for row in (masked, additive)]
    names = ["crocodile", "mushroom", "mammoth", "elephant"]
    figure = figures.draw_perturbations(x, [0, 1, 2], *rows, class_names=names)
    assert figure_layout.faults(figure) == []


def test_rows_show_what_they_say():
    x, labels, masked, additive = _arguments()
    figure = figures.draw_perturbations(x, labels, masked, additive)
    rows = _rows(figure)
    expected = [x, masked.log_alpha, masked.mask, masked.x_adv, additive.perturbation,
                additive.x_adv]  # fmt: skip
    assert len(rows) == len(expected)
    for row, values in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(_values(row), values[..., 0])
    assert [text.get_text() for text in rows[0].texts][-_COUNT:] == ["5", "6", "7"]
    assert "xVAT-I" in _text(figure) and "VAT adds" in _text(figure)


def test_scales():
    rows = _rows(figures.draw_perturbations(*_arguments()))
    x, log_alpha, mask, x_adv, perturbation, x_plus_r = (row.images[0] for row in rows)
    # |log_alpha| reaches 1.7: the next of 1, 2, 5, 10, ... is 2. |r| = 0.03: 0.05.
    assert log_alpha.get_clim() == (-2, 2)
    assert perturbation.get_clim() == pytest.approx((-0.05, 0.05))
    assert mask.get_clim() == (0, 1)
    assert x.get_clim() == x_adv.get_clim() == x_plus_r.get_clim()
    for row in rows:
        assert len({image.get_clim() for image in row.images}) == 1


def test_with_limits_a_value_has_one_colour_in_every_picture():
    x, labels, masked, additive = _arguments()

    def colors(factor):
        """Of log_alpha and r when their first pixel is fixed and all others are scaled."""
        changed = (factor * masked.log_alpha, factor * additive.perturbation)
        for values in changed:
            values[0, 0, 0] = 0.02
        figure = figures.draw_perturbations(
            x,
            labels,
            dataclasses.replace(masked, log_alpha=changed[0], limit=1.5),
            dataclasses.replace(additive, perturbation=changed[1], limit=0.25),
        )
        shown = [row.images[0] for row in _rows(figure)]
        return [image.to_rgba(image.get_array())[0, 0] for image in (shown[1], shown[4])]

    for small, large in zip(colors(1), colors(40), strict=True):
        np.testing.assert_array_equal(small, large)


def test_predictions_stand_under_perturbed_images_and_changes_in_red():
    rows = _rows(figures.draw_perturbations(*_arguments()))
    under_masked = rows[3].texts[-_COUNT:]
    assert under_masked[0].get_text() == "0 (94%)\n→ 0 (67%)"
    assert under_masked[1].get_text() == "1 (94%)\n→ 3 (67%)"
    black, red = under_masked[0].get_color(), under_masked[1].get_color()
    assert [text.get_color() for text in under_masked] == [black, red, black]
    assert [text.get_color() for text in rows[5].texts[-_COUNT:]] == [black, black, red]
    assert red != black


def test_without_an_additive_method():
    x, labels, masked, _ = _arguments()
    figure = figures.draw_perturbations(x, labels, masked)
    assert len(_rows(figure)) == 4
    assert "adds" not in _text(figure)


def test_without_a_mask():
    x, labels, _, additive = _arguments()
    figure = figures.draw_perturbations(x, labels, additive)
    assert len(_rows(figure)) == 3
    assert "mask" not in _text(figure) and "What VAT does" in _text(figure)


def test_without_a_perturbation_the_predictions_stand_under_the_images():
    x, labels, masked, _ = _arguments()
    figure = figures.draw_perturbations(x, labels, figures.Unperturbed("MLE", masked.before))
    (row,) = _rows(figure)
    np.testing.assert_array_equal(_values(row), x[..., 0])
    texts = [text.get_text() for text in row.texts]
    assert {"0 (94%)", "1 (94%)", "2 (94%)"} <= set(texts)
    assert "→" not in " ".join(texts)


@pytest.mark.parametrize("trained", [True, False])
def test_the_caption_says_who_made_the_mask(trained):
    x, labels, masked, _ = _arguments()
    figure = figures.draw_perturbations(x, labels, dataclasses.replace(masked, trained=trained))
    assert ("trained to change" in _text(figure).replace("\n", " ")) == trained


def test_colors_and_masks_of_lower_resolution():
    x, labels, masked, additive = _arguments(channels=3, mask_side=4)
    rows = _rows(figures.draw_perturbations(x, labels, masked, additive))
    shown = rows[0].images[0].get_array()
    assert shown.shape == (8, 8, 3)
    assert 0 <= shown.min() and shown.max() <= 1
    assert rows[2].images[0].get_array().shape == (4, 4)


def test_the_text_stays_inside():
    figure = figures.draw_perturbations(*_arguments())
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)  # places the labels
    texts = [*figure.texts, *(label for ax in figure.axes for label in _labels(ax))]
    for text in texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= renderer.width and box.y1 <= renderer.height, text


def _labels(ax: Axes):
    return [*ax.texts, *ax.get_yticklabels()]


def test_classes_are_called_by_their_names():
    x, _, masked, _ = _arguments()
    names = [f"class {i} of a kind" for i in range(masked.before.shape[1])]
    names[0], names[2] = "cat", "M" * 30
    figure = figures.draw_perturbations(x, [0, 1, 2], masked, class_names=names)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    for heading in ("cat", "class 1 of…", "MMMMMMMMMM…"):
        assert heading in texts
    # The predictions of `_arguments`, before and after.
    assert "class… (94%)\n→ class… (67%)" in texts
    assert any(text.startswith("cat (94%)\n→ cat") for text in texts)


def test_arrays_of_another_number_of_images_are_refused():
    x, labels, masked, additive = _arguments()
    with pytest.raises(ValueError, match="before must have an entry for each of the 2 images"):
        figures.draw_perturbations(x[:2], labels[:2], masked, additive)
