import pathlib

import trainers
from trainers.evidence import forms, making, rendering
from trainers.evidence import record as record_lib

_RESULTS = pathlib.Path(trainers.__file__).parents[1] / "results"


def test_the_page_in_the_repository_is_what_the_records_give():
    records = record_lib.read_all(_RESULTS / "runs")
    speeds = rendering.read_speeds(_RESULTS)
    assert (_RESULTS / "tables.md").read_text() == rendering.page(records, speeds)
    for table in rendering.tables():
        file = _RESULTS / f"table_{table}.csv"
        rows = rendering.rows_of(table, records)
        assert (file.read_text() if file.exists() else "") == (forms.csv_text(rows) if rows else "")


def test_a_page_has_the_tables_of_its_records_and_names_the_others(make_digits, make_run, tmp_path):
    folder = tmp_path / "results"
    for record in (
        make_digits("vat", 1, {0}),
        make_digits("mle", 1, {0, 1}),
        making.from_run(make_run("own", "--method=vat", "--epsilon=0.25")),
    ):
        record_lib.write(record, folder / "runs")
    written = rendering.write(folder)
    names = [path.name for path in written]
    assert names[0] == "tables.md" and names[-2:] == ["table_digits.csv", "table_digits.png"]
    text = written[0].read_text()
    assert "## digits\n" in text and "## supervised" not in text
    assert "| VAT | 1 | 12.50 |" in text and "against MLE" in text
    others = text.partition("## Runs of no table")[2]
    assert "| VAT | digits | 2 | 1 | 4 | 75.00 | `digits_2_vat_seed1_" in others
    assert written[-1].stat().st_size > 1000
    # A report of times has its section.
    report = {"hardware": "h", "cores_used": "1", "commit": "c", "tensorflow": "t", "sizes": [
        {"dataset": "mnist", "steps_per_epoch": 2, "methods": {"vat": [1.0]},
         "setting": {"labeled_batch_size": 1, "unlabeled_batch_size": 1}}]}  # fmt: skip
    assert "| mnist | 1 + 1 | 2 | ≈ 2 |" in rendering.page([], [report])
    # Nothing changes, nothing else is written.
    assert rendering.write(folder) and written[0].read_text() == text


def test_rows_stand_in_the_tables_order(make_digits):
    records = [make_digits(m, 1, {0}) for m in ("xvat_transductive", "vat", "random_mask", "mle")]
    labels = [row.label for row in rendering.rows_of("digits", records)]
    assert labels == ["MLE", "RandomMask", "VAT", "xVAT-T"]
