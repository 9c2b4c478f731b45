import pytest

from trainers.evidence import making
from trainers.evidence import rows as rows_lib
from trainers.settings.command_line import EXPERIMENTS

_VAT = EXPERIMENTS / "digits" / "vat.flags"


def test_a_row_has_the_runs_of_its_flagfile_that_differ_in_seeds(make_digits):
    records = [
        make_digits("vat", 2, {0}),
        make_digits("mle", 1, {0}),
        make_digits("vat", 1, {0, 1}),
        make_digits("vat", 1, {0, 1, 2}, draw=7),
    ]
    (row,) = rows_lib.of(_VAT, records)
    assert (row.label, row.name, str(row.task)) == ("VAT", "vat", "digits, digits, 100 labels")
    assert row.accuracies == {(1, 1): 0.25, (7, 1): 0.375, (2, 2): 0.125}
    assert (row.weights, row.epochs, row.quick) == ("last", 2, False)


def test_shorter_runs_are_another_row_and_quick(make_digits):
    records = [make_digits("vat", 1, {0}), make_digits("vat", 2, {0}, steps=50)]
    whole, quick = rows_lib.of(_VAT, records)
    assert (whole.steps, whole.quick, len(whole.records)) == (1000, False, 1)
    assert (quick.steps, quick.quick, len(quick.records)) == (50, True, 1)


def test_a_setting_of_ones_own_belongs_to_no_row(make_run):
    flags = [f"--flagfile={_VAT}", "--labeled_batch_size=32", "--num_labeled=100", "--epsilon=4"]
    assert rows_lib.of(_VAT, [making.from_run(make_run("own", *flags))]) == []


def test_rows_are_compared_on_the_seeds_that_both_have(make_digits):
    # Seed 1: 8 of 8 against 1 of 8 right: 7 images speak for VAT and none against, p = 2 / 2^7.
    # Seed 2: 3 against 1: p = 2 / 2^2, which says nothing. Seed 3 has no partner.
    everything = set(range(8))
    (vat,) = rows_lib.of(
        _VAT,
        [make_digits("vat", s, r) for s, r in ((1, everything), (2, {0, 1, 2}), (3, {0}))],
    )
    (mle,) = rows_lib.of(
        EXPERIMENTS / "digits" / "mle.flags", [make_digits("mle", s, {0}) for s in (1, 2)]
    )
    found = rows_lib.compare(vat, mle)
    assert (found.n, found.better, found.worse, found.tested) == (2, 1, 0, 2)
    assert found.mean == pytest.approx((7 / 8 + 2 / 8) / 2)
    back = rows_lib.compare(mle, vat)
    assert (back.better, back.worse) == (0, 1) and back.mean == pytest.approx(-found.mean)


def test_runs_on_one_draw_of_labels_are_partners(make_digits):
    everything = set(range(8))
    (vat,) = rows_lib.of(
        _VAT, [make_digits("vat", 1, everything), make_digits("vat", 1, {0, 1}, draw=7)]
    )
    (mle,) = rows_lib.of(
        EXPERIMENTS / "digits" / "mle.flags", [make_digits("mle", 1, everything, draw=7)]
    )
    found = rows_lib.compare(vat, mle)
    # 2 against 8 of 8: six images speak against it, p = 2 / 2^6.
    assert (found.n, found.mean, found.worse, found.tested) == (1, -6 / 8, 1, 1)


def test_predictions_on_other_images_are_not_compared(make_digits):
    record, other = make_digits("vat", 1, {0}), make_digits("mle", 1, {1})
    other.content["data"]["test"]["images_sha256"] = "other"
    (vat,) = rows_lib.of(_VAT, [record])
    (mle,) = rows_lib.of(EXPERIMENTS / "digits" / "mle.flags", [other])
    assert rows_lib.compare(vat, mle).tested == 0


def test_rows_without_a_seed_in_common_are_not_compared(make_digits):
    # Nor are runs of one seed on other labels.
    (vat,) = rows_lib.of(_VAT, [make_digits("vat", 1, {0}), make_digits("vat", 2, {0}, draw=1)])
    (mle,) = rows_lib.of(EXPERIMENTS / "digits" / "mle.flags", [make_digits("mle", 2, {0})])
    assert rows_lib.compare(vat, mle) is None


def test_the_spread_of_draws_and_seeds(make_digits):
    # In eighths 1, 2 and 4, 7, as statistics_test.py has them worked out.
    cells = {(1, 1): 1, (1, 2): 2, (2, 1): 4, (2, 2): 7}
    records = [make_digits("vat", s, set(range(n)), draw=d) for (d, s), n in cells.items()]
    (row,) = rows_lib.of(_VAT, records)
    found = rows_lib.variances(row)
    assert found.draw == pytest.approx(7.5 / 64) and found.seed == pytest.approx(1.5 / 64)
