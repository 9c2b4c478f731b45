import dataclasses

import pytest

from trainers.evidence import cells, making, rendering
from trainers.settings.command_line import EXPERIMENTS


@pytest.fixture
def tables(make_digits):
    """MLE 1 and 2 of 8 right, VAT 3 and 6, on seeds 1 and 2; a quick xVAT-I."""
    right = {("mle", 1): 1, ("mle", 2): 2, ("vat", 1): 3, ("vat", 2): 6}
    records = [make_digits(method, seed, set(range(n))) for (method, seed), n in right.items()]
    records += [make_digits("xvat_inductive", 1, {0}, steps=50)]
    return cells.of(rendering.rows_of("digits", records))


def test_results(tables):
    results, _ = tables
    assert results.title == "Test accuracy: digits, digits, 100 labels"
    by_method = {row[0]: row[1:] for row in results.rows}
    assert list(by_method) == ["MLE", "VAT", "xVAT-I, 50 steps"]
    # 37.5 and 75: mean 56.25, deviation 37.5 / sqrt 2, and with one degree of freedom Student's
    # quantile is tan(0.95 pi / 2) = 12.706: half a width of 12.706 * 37.5 / 2.
    assert by_method["VAT"][:3] == ["2", "56.25 ± 26.52", "0.00 to 100.00"]
    assert by_method["VAT"][3:] == ["–", "–", "last", "2"]


def test_quick_numbers_are_marked_each_and_explained(tables):
    results, _ = tables
    quick = results.rows[-1]
    assert quick[:4] == ["xVAT-I, 50 steps", "1", "12.50 (quick)", "–"]
    assert "quick: after 50 of 1,000 steps; no number of the recipe." in results.notes


def test_comparisons(tables):
    _, compared = tables
    # Nobody was as quick as xVAT-I, and MLE is what VAT is compared with.
    assert compared.columns == ["method", "against MLE", "against VAT"]
    by_method = {row[0]: row[1:] for row in compared.rows}
    assert list(by_method) == ["MLE", "VAT"]
    # Differences of 2/8 and 4/8: mean 3/8, t = 3 with one degree of freedom, p = 1 - 2/pi atan 3.
    # Of the images 2 and 4 speak for VAT, and none against: neither test is below 5 %.
    assert by_method["VAT"] == ["+37.50, p = 0.205 [0 better, 0 worse of 2]", "–"]
    assert by_method["MLE"][1].startswith("-37.50, p = 0.205")


def test_what_disturbances_take_is_that_of_the_last_logs(make_digits):
    def masked(seed, steps, **logged):
        record = make_digits("random_mask", seed, {0}, steps=steps)
        record.content["curve"]["train"].update(logged)
        return record

    records = [
        make_digits("mle", 1, {0}),
        masked(1, 1000, kept_pixels=[0.1, 0.8], perturbation_energy=[0.4, None]),
        masked(2, 1000, kept_pixels=[0.1, 0.9], perturbation_energy=[0.9, 0.5]),
        masked(1, 50, kept_pixels=[0.7]),
    ]
    rows = rendering.rows_of("digits", records)
    (taken,) = cells.strengths(rows)
    assert taken.columns == ["method", "kept", "energy"]
    # 0.1 / sqrt 2; MLE takes nothing; the energy of one of two runs is not known.
    assert taken.rows == [
        ["RandomMask", "0.850 ± 0.071", "0.500 (1)"],
        ["RandomMask, 50 steps", "0.700", "–"],
    ]
    assert not cells.strengths(rows[:1])


def test_published_values_and_their_source(make_run):
    file = EXPERIMENTS / "semi_supervised" / "mnist_vat.flags"
    flags = [f"--flagfile={file}", "--labeled_batch_size=100", "--num_labeled=100"]
    run = make_run("vat", *flags, "--steps_per_epoch=500", steps=50_000)
    (results,) = cells.of(rendering.rows_of("semi_supervised", [making.from_run(run)]))
    # 75 % where the paper has 98.64 %.
    assert results.rows[0][4:] == ["98.64", "-23.64", "last", "100"]
    assert "Published: VAT: Miyato et al., TPAMI 2018." in results.notes


def test_what_made_the_numbers_is_told(tables):
    assert tables[0].notes[-1] == "5 runs; commit abc; hardware 2 cores, a CPU; tensorflow unknown."


def test_spreads_are_told_where_draws_and_seeds_vary_apart(make_digits):
    right = {(1, 1): 1, (1, 2): 2, (2, 1): 4, (2, 2): 7}
    records = [make_digits("vat", s, set(range(n)), draw=d) for (d, s), n in right.items()]
    (results,) = cells.of(rendering.rows_of("digits", records))
    # 7.5, 1.5 and 1 of 10.
    assert (
        "VAT, 2 draws of labels x 2 seeds: of the variance 75 % is the draw's, 15 % the seed's, "
        "10 % the rest." in results.notes
    )
    # Shares of eight: mean 3.5 and, by the draws' clusters, an error of 2, times tan(0.95 pi / 2).
    assert results.rows[0][1:4] == ["4", "43.75 ± 33.07", "0.00 to 100.00"]
    assert any(note.startswith("Runs that share a draw") for note in results.notes)


def test_runs_on_one_draw_speak_of_it_alone(make_digits):
    told = "VAT: all runs on one draw of labels (label seed 1), of which alone the numbers speak."
    one = [make_digits("vat", seed, {0}, draw=1) for seed in (1, 2)]
    (results,) = cells.of(rendering.rows_of("digits", one))
    assert told in results.notes
    assert not any(note.startswith("Runs that share") for note in results.notes)
    # Of a single run it is said where the draw is not its seed's, for that is what one expects.
    for run, said in zip(one, (False, True), strict=True):
        (results,) = cells.of(rendering.rows_of("digits", [run]))
        assert (told in results.notes) is said


def test_rows_of_one_method_are_told_apart_by_their_flagfiles(make_digits):
    rows = rendering.rows_of("digits", [make_digits("vat", 1, {0}), make_digits("mle", 1, {0})])
    assert cells.names(rows) == ["MLE", "VAT"]
    twice = [dataclasses.replace(rows[0], name="digits_mle_input_dropout50"), *rows]
    assert cells.names(twice) == ["MLE (mle_input_dropout50)", "MLE (mle)", "VAT"]


def test_rows_of_one_recipe_are_told_apart_by_their_lengths(make_digits):
    records = [make_digits("vat", 1, {0}, steps=steps) for steps in (50, 500, 1000)]
    rows = rendering.rows_of("digits", [*records, make_digits("mle", 1, {0})])
    assert cells.names(rows) == ["MLE", "VAT", "VAT, 500 steps", "VAT, 50 steps"]
    results, _ = cells.of(rows)
    assert [line[0] for line in results.rows] == cells.names(rows)


def test_a_row_is_compared_with_the_plain_method_and_not_with_its_ablations(make_digits):
    records = [make_digits("mle", 1, {0}), make_digits("vat", 1, {0, 1, 2})]
    mle, vat = rendering.rows_of("digits", records)
    ablation = dataclasses.replace(mle, name="digits_mle_input_dropout50", records=vat.records)
    # 3/8 against 1/8, though the ablation, of 3/8, comes first.
    assert cells.references(vat, [ablation, mle, vat])["MLE"].mean == 0.25
    assert cells.references(ablation, [ablation, mle, vat])["MLE"].mean == 0.25
    assert cells.references(vat, [ablation, vat])["MLE"] is None
