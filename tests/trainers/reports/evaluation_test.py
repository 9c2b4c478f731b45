import json

import numpy as np
import pytest

from trainers.reports import evaluation
from xadv_tf import metrics

# Three classes, of which none is ever taken for "c"; "c" has no examples.
_LABELS = np.array([0, 0, 1, 1])
_LOGITS = np.log([[3.0, 1, 1], [1, 3, 1], [1, 3, 1], [1, 3, 1]])


def test_every_number_of_a_small_case():
    # Each prediction has probability 3/5 and three of four are right:
    # NLL = -(3 ln 3/5 + ln 1/5) / 4, ECE = |3/4 - 3/5|,
    # Brier score (3 ((2/5)^2 + 2 (1/5)^2) + (4/5)^2 + (3/5)^2 + (1/5)^2) / 4.
    report = evaluation.measure(_LOGITS, _LABELS, ["a", "b", "c"]).report()
    assert (report["examples"], report["accuracy"], report["error"]) == (4, 0.75, 0.25)
    assert report["accuracy_95_interval"] == metrics.accuracy_interval(3, 4)
    nll = -(3 * np.log(0.6) + np.log(0.2)) / 4
    assert report["negative_log_likelihood"] == pytest.approx(nll)
    assert report["brier_score"] == pytest.approx((3 * 0.24 + 1.04) / 4)
    assert report["expected_calibration_error"] == pytest.approx(0.15)
    assert report["confusion_matrix"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert report["classes"] == [
        {"name": "a", "examples": 2, "precision": 1.0, "recall": 0.5},
        {"name": "b", "examples": 2, "precision": 2 / 3, "recall": 1.0},
        {"name": "c", "examples": 0, "precision": None, "recall": None},
    ]
    full = [row for row in report["calibration_bins"] if row["examples"]]
    assert len(report["calibration_bins"]) == 15
    assert [(row["examples"], row["accuracy"]) for row in full] == [(4, 0.75)]
    # Strict JSON has no NaN.
    json.dumps(report, allow_nan=False)


def test_logits_that_are_no_numbers_are_refused():
    logits = _LOGITS.copy()
    logits[2, 0] = np.nan
    with pytest.raises(ValueError, match="Received: NaN or infinity for 1 of 4 images"):
        evaluation.measure(logits, _LABELS, ["a", "b", "c"])


def test_the_table_fits_80_columns_and_names_the_commonest_mistake(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    evaluation.print_evaluation(
        evaluation.measure(_LOGITS, _LABELS, ["airplane", "truck", "cat"]), "MLE on some, test"
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "MLE on some, test"
    assert max(map(len, lines)) <= 80
    (row,) = [line.split() for line in lines if line.split()[:1] == ["airplane"]]
    assert {"2", "100.00", "50.00"} <= set(row) and row[-2:] == ["truck", "(1)"]
    (row,) = [line.split() for line in lines if line.split()[:1] == ["cat"]]
    assert "nan" not in row and "truck" not in row  # No image, no ratio, no mistake.


def test_of_a_hundred_classes_the_worst_are_shown(capsys):
    # Class i has 100 images, of which 99 - i are right.
    labels = np.repeat(np.arange(100), 100)
    right = np.tile(np.arange(100), 100) < 99 - labels
    logits = np.eye(100)[np.where(right, labels, (labels + 1) % 100)]
    names = [f"n{i}" for i in range(100)]
    evaluation.print_evaluation(evaluation.measure(logits, labels, names), "a run")
    output = capsys.readouterr().out
    assert "The 10 classes of 100 with the lowest recall" in output
    shown = [line.split()[0] for line in output.splitlines() if line.strip().startswith("n")]
    assert [name for name in shown if name[1:].isdigit()] == [f"n{i}" for i in range(99, 89, -1)]


@pytest.mark.parametrize(
    ("split", "weights", "name"),
    [
        ("test", "last", "evaluation.json"),
        ("validation", "last", "evaluation_validation.json"),
        ("test", "ema", "evaluation_ema.json"),
        ("validation", "best", "evaluation_validation_best.json"),
    ],
)
def test_what_is_out_of_the_ordinary_is_in_the_name(split, weights, name):
    assert evaluation.file_name("evaluation.json", split, weights) == name
