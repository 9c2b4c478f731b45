import csv
import io

import pytest

from trainers.attacking import summaries
from trainers.reports.seeds import Group


def _report(right, images=10):
    return {
        "images": images,
        "threats": {
            "linf": {
                "strengths": [0.0, 0.1],
                "sizes": [0.0, 25.5],
                "right": {"pgd": right, "worst": right},
            }
        },
    }


def test_of_several_runs_the_mean_and_students_interval():
    found = summaries.points("MLE", [_report([9, 4]), _report([9, 6])])
    point = next(p for p in found if p.attack == "pgd" and p.strength == 0.1)
    assert (point.runs, point.images, point.size, point.accuracy) == (2, 10, 25.5, 0.5)
    # Deviation 0.2 / sqrt(2); t of one degree of freedom is 12.7, so the ends are cut to [0, 1].
    assert (point.low, point.high) == (0, 1)
    same = next(p for p in found if p.strength == 0.0)
    assert (same.low, same.accuracy, same.high) == pytest.approx((0.9, 0.9, 0.9))


def test_of_one_run_wilsons_interval():
    (point, *_) = [p for p in summaries.points("MLE", [_report([9, 0])]) if p.strength == 0.1]
    # Wilson 1927 for 0 of n: from 0 to z^2 / (n + z^2), z = 1.96.
    assert point.accuracy == 0 and point.low == pytest.approx(0, abs=1e-9)
    assert point.high == pytest.approx(3.8415 / 13.8415, rel=1e-3)


def test_a_line_a_point():
    text = summaries.to_csv(summaries.points("MLE", [_report([9, 4])]))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 4
    assert (lines[1]["label"], lines[1]["attack"], lines[1]["strength"]) == ("MLE", "pgd", "0.1")
    assert float(lines[1]["accuracy"]) == 0.4


def test_panels_of_one_row_a_threat():
    found = [
        *summaries.points("MLE", [_report([9, 4])]),
        *summaries.points("VAT", [_report([9, 8])]),
    ]
    (row,) = summaries.rows(found)
    assert [panel.title for panel in row.panels] == ["PGD", "worst of these"]
    assert row.panels[0].strengths == [0.0, 0.1]
    assert [curve.label for curve in row.panels[0].curves] == ["MLE", "VAT"]
    assert row.panels[0].curves[1].accuracy == [0.9, 0.8]


def test_tables_fit_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    summaries.print_tables(summaries.points("RandomMask", [_report([9, 4])]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (row, again) = [line.split() for line in lines if line.startswith("RandomMask")]
    assert row == ["RandomMask", "90.0", "40.0"]  # Over strengths.
    assert again == ["RandomMask", "40.0", "40.0"]  # At 0.1, over attacks.


def test_groups_of_one_method_are_told_apart():
    groups = [Group("VAT", ["--epsilon=5"], ["a"]), Group("VAT", [], ["b"]), Group("MLE", [], [])]
    assert summaries.label_groups(groups) == ["VAT --epsilon=5", "VAT", "MLE"]
