import csv

import pytest

from trainers.explaining import tables


def _interval(mean, half):
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _row(name, judge, deletion, insertion):
    """Areas of a half width of 0.01, each with (difference from random, its half width)."""
    measured = {
        measure: {
            "area": _interval(area, 0.01),
            "agreement_area": _interval(area, 0.02),
            "minus_random": _interval(*difference),
        }
        for measure, (area, difference) in (("deletion", deletion), ("insertion", insertion))
    }
    return {"explanation": name, "judge": judge, "switched_off": "zero", **measured}


@pytest.fixture
def report(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    longest = "integrated gradients"
    return {
        "num_images": 500,
        "accuracy": 0.876,
        "notes": ["No Grad-CAM: --model=mlp shows no convolution."],
        "referees": {"zero": {"same_way": False}},
        "leaks": [
            {"seen": longest, "accuracy": _interval(0.5, 0.04)},
            {"seen": "nothing", "accuracy": None},
        ],
        "rows": [
            _row(longest, "classifier", (0.1, (-0.3, 0.1)), (0.9, (0.3, 0.1))),
            _row(longest, "referee", (0.5, (0.2, 0.1)), (0.3, (-0.2, 0.1))),
            _row("random", "classifier", (0.4, (0.0, 0.0)), (0.6, (0.0, 0.0))),
            _row("random", "referee", (0.3, (-0.1, 0.2)), (0.6, (0.1, 0.2))),
        ],
    }


def test_marks_say_what_is_better_than_random(report, capsys):
    tables.print_tables(report)
    printed = capsys.readouterr().out
    lines = [line.rstrip() for line in printed.splitlines()]
    assert max(map(len, lines)) <= 80
    # Less is better for deletion, more for insertion.
    first = next(line for line in lines if line.startswith("integrated gradients"))
    assert first.split()[2:] == ["0.100±0.010+", "0.900±0.010+", "0.500±0.010-", "0.300±0.010-"]
    random = next(line for line in lines if line.startswith("random"))
    assert random.split()[1:] == ["0.400±0.010", "0.600±0.010", "0.300±0.010", "0.600±0.010"]
    assert "referee trained otherwise" in printed
    assert (
        "50.0 ± 4.0" in printed
        and "500 test images, 87.6 %" in printed
        and "No Grad-CAM" in printed
    )


def test_without_a_referee_there_are_no_columns_for_one(report, capsys):
    report["rows"] = [row for row in report["rows"] if row["judge"] == "classifier"]
    report["referees"] = {}
    tables.print_tables(report)
    printed = capsys.readouterr().out
    assert "referee" not in printed and "0.900±0.010+" in printed


def test_means_over_runs_say_of_how_many(report, capsys):
    report["seeds"] = [1, 2, 3]
    tables.print_tables(report)
    printed = " ".join(capsys.readouterr().out.split())
    assert "± half of the 95 % interval over 3 runs (Student)" in printed
    assert "bootstrap" not in printed


def test_a_spreadsheet_has_a_line_for_each_row(report):
    lines = list(csv.DictReader(tables.csv_text(report["rows"]).splitlines()))
    assert len(lines) == 4
    assert lines[1]["explanation"] == "integrated gradients" and lines[1]["judge"] == "referee"
    assert float(lines[1]["insertion_area_mean"]) == 0.3
    assert float(lines[1]["deletion_minus_random_low"]) == pytest.approx(0.1)
