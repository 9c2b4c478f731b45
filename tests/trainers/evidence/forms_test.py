import csv
import io

from trainers.evidence import forms, rendering
from trainers.evidence.cells import Cells

_CELLS = Cells("A & B", ["method", "n", "weights"], [["x|y_1", "5 ± 1 %", "last"]], ["A note."])


def test_markdown():
    assert forms.markdown([_CELLS]) == (
        "**A & B**\n\n"
        "| method | n | weights |\n| --- | --- | --- |\n| x\\|y_1 | 5 ± 1 % | last |\n\n"
        "A note.\n"
    )


def test_latex_escapes_what_it_must():
    text = forms.latex([_CELLS])
    assert r"\caption{A \& B. A note.}" in text
    assert r"x|y\_1 & 5 $\pm$ 1 \% & last \\" in text
    assert text.count(r"\begin{tabular}{lrr}") == text.count(r"\end{tabular}") == 1
    assert forms._in_latex("\\{") == r"\textbackslash{}\{"


def test_the_terminal_shows_80_columns_and_what_they_leave_out_below(capfd):
    wide = Cells("T", ["method", "weights", "epoch"], [["a", "last", "2"], ["b", "averaged", "2"]])
    forms.show([wide])
    out = capfd.readouterr().out
    assert "weights: last, averaged" in out and "epoch: 2\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_csv_has_the_numbers_as_they_are(make_digits):
    records = [make_digits("mle", 1, {0}), make_digits("vat", 1, {0, 1, 2})]
    text = forms.csv_text(rendering.rows_of("digits", records))
    mle, vat = csv.DictReader(io.StringIO(text))
    assert (mle["name"], mle["mean"], mle["std"], mle["published"]) == ("mle", "0.125", "", "")
    assert (vat["MLE_n"], vat["MLE_mean"], vat["MLE_p"]) == ("1", "0.25", "")
    assert (vat["quick"], vat["epoch"], vat["RandomMask_mean"]) == ("0", "2", "")


def test_csv_leaves_out_the_last_bits_which_are_the_machines_own(make_digits):
    records = [make_digits("mle", seed, set(range(n))) for seed, n in ((1, 1), (2, 2), (3, 2))]
    (mle,) = csv.DictReader(io.StringIO(forms.csv_text(rendering.rows_of("digits", records))))
    assert mle["mean"] == "0.2083333333"  # 5 of 24.
