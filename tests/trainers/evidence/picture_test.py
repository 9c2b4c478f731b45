import dataclasses
import itertools

import pytest

from trainers.evidence import picture, rendering


def test_seeds_means_and_intervals_stand_in_the_rows_lines(make_digits):
    records = [
        make_digits("mle", 1, {0}),
        make_digits("vat", 1, {0}),
        make_digits("vat", 2, {1, 2}),
    ]
    figure = picture.draw(rendering.rows_of("digits", records))
    (panel,) = figure.axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["MLE", "VAT"]
    assert panel.get_title(loc="left") == "digits, digits, 100 labels"
    seeds = [line for line in panel.lines if line.get_label() == "a seed"]
    assert list(seeds[1].get_xdata()) == [12.5, 25.0] and set(seeds[1].get_ydata()) == {1}
    bars = [bar for bar in panel.containers]
    # 12.706 * 12.5 / 2, see cells_test.py; a single run has no interval.
    (interval,) = bars[1].lines[2][0].get_segments()
    # From below 0, where it is cut, to the mean and Student's half width of two values.
    assert interval[0][0] == pytest.approx(0.0, abs=1e-9)
    assert interval[1][0] == pytest.approx(18.75 + 12.706 * 12.5 / 2, rel=1e-4)
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    assert names == ["a seed", "mean, 95 % interval"]
    # From the top down, as in the table.
    assert panel.get_ylim() == (1.5, -0.5)


def test_quick_rows_say_so(make_digits):
    figure = picture.draw(rendering.rows_of("digits", [make_digits("vat", 1, {0}, steps=50)]))
    assert figure.axes[0].get_yticklabels()[0].get_text() == "VAT, 50 steps (quick)"


def test_long_names_are_broken_and_leave_the_values_and_their_neighbours_their_room(make_digits):
    (vat,) = rendering.rows_of("digits", [make_digits("vat", 1, {0}, steps=500)])
    other = dataclasses.replace(vat, name="digits_vat_with_a_long_name_of_its_own")
    figure = picture.draw([vat, *[other] * 20])
    panel = figure.axes[0]
    long = "VAT\n(vat_with_a_long_name_of_its_own),\n500 steps (quick)"
    shown = panel.get_yticklabels()
    assert [text.get_text() for text in shown] == ["VAT (vat), 500 steps (quick)", *[long] * 20]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in shown]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))
