import dataclasses
import pathlib

from trainers.evidence import planning, report


def _runs(make_digits, tmp_path, method="vat"):
    make_digits(method, 1, {0})
    (run,) = planning.plan("digits", "w", {}, planning.Choice(methods=[method]))
    return [dataclasses.replace(run, workdir=tmp_path / f"{method}_1_None_1000")]


def test_a_table_is_shown_and_written_in_four_forms(make_digits, tmp_path, capfd):
    line = report.table(_runs(make_digits, tmp_path), tmp_path)
    assert line == f"Table: {tmp_path}/table.md, .csv, .tex and .png"
    out = capfd.readouterr().out
    assert "Test accuracy: digits, digits, 100 labels" in out
    for ending, content in ((".md", "| VAT |"), (".csv", ",vat,VAT,"), (".tex", "VAT & 1 &")):
        assert content in (tmp_path / f"table{ending}").read_text()
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")


def test_runs_whose_settings_are_not_the_flagfiles_make_no_table(make_run, tmp_path):
    make_run("own", "--method=vat", "--epsilon=0.25")
    (run,) = planning.plan("digits", "w", {}, planning.Choice(methods=["vat"]))
    run = dataclasses.replace(run, workdir=pathlib.Path(tmp_path / "own"))
    assert report.table([run], tmp_path).startswith("No table: ")
    assert not (tmp_path / "table.md").exists()
