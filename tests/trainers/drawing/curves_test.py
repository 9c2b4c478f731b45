import json

import figure_layout
import numpy as np
import pytest

from trainers.drawing import curves
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@pytest.fixture
def make_log(tmp_path):
    """(name, flags, lines) -> the directory of a run that logged these lines."""

    def make(name, flags, lines):
        workdir = tmp_path / name
        workdir.mkdir()
        values = experiment_lib.parse([*flags, f"--workdir={workdir}"])
        (workdir / "config.flags").write_text(experiment_lib.to_flagfile(values))
        text = "".join(json.dumps(line) + "\n" for line in lines)
        # As of a run that is in the middle of a line.
        (workdir / "metrics.jsonl").write_text(text + '{"step": 30, "spl')
        return str(workdir)

    return make


def _lines(*values):
    return [
        line
        for step, value in zip((10, 20), values, strict=True)
        for line in (
            {"step": step, "split": "train", "cross_entropy": value, "kept_pixels": None},
            {"step": step, "split": "validation", "accuracy": value, "cross_entropy": 7.0},
        )
    ]


def test_seeds_are_one_curve_and_accuracies_per_cent(make_log):
    runs = [
        make_log("a", ["--method=mle"], _lines(0.2, 0.5)),
        make_log("b", ["--method=mle", "--seed=2"], _lines(0.4, 0.7)),
        make_log("c", ["--method=vat", "--epsilon=1"], _lines(0.9, 0.9)),
    ]
    drawing = curves.draw(runs)
    accuracy, cross_entropy = drawing.picture.axes
    assert accuracy.get_ylabel() == "validation accuracy, %"
    mle, vat = accuracy.lines
    assert (mle.get_label(), vat.get_label()) == ("MLE", "VAT")
    np.testing.assert_allclose(mle.get_xydata(), [(10, 30), (20, 60)])
    np.testing.assert_allclose(vat.get_ydata(), [90, 90])
    np.testing.assert_allclose(cross_entropy.lines[0].get_ydata(), [0.3, 0.6])
    # 50 and 70: deviation 10 sqrt(2).
    assert drawing.told[0] == "MLE: validation accuracy, % 60.00 ± 14.14 after 20 steps, n=2"
    assert figure_layout.faults(drawing.picture) == []


def test_the_last_point_is_of_the_runs_that_reached_it(make_log):
    runs = [
        make_log("a", ["--method=mle"], _lines(0.2, 0.5)),
        make_log("b", ["--method=mle", "--seed=2"], _lines(0.4, 0.7)[:2]),
    ]
    assert curves.draw(runs).told[0] == "MLE: validation accuracy, % 50.00 after 20 steps, n=1"


def test_the_test_accuracy_is_told_and_not_drawn(make_log):
    line = {"step": 20, "split": "test", "accuracy": 0.875, "cross_entropy": 1.0}
    drawing = curves.draw([make_log("a", ["--method=mle"], [*_lines(0.2, 0.5), line])])
    assert [ax.get_ylabel() for ax in drawing.picture.axes][0] == "validation accuracy, %"
    assert drawing.told[1] == "MLE: test accuracy, % 87.50 after 20 steps, n=1"


def test_experiments_of_one_method_are_numbered(make_log):
    runs = [
        make_log(name, ["--method=vat", f"--epsilon={size}"], _lines(0.2, 0.5))
        for name, size in (("a", 1), ("b", 2))
    ]
    drawing = curves.draw(runs)
    labels = [line.get_label() for line in drawing.picture.axes[0].lines]
    assert labels == ["VAT #1", "VAT #2"]
    assert "VAT #2: --epsilon=2.0" in drawing.told


def _record(folder, name, flags, values):
    experiment = ["--dataset=digits", *flags]
    curve = {"train": {"step": [10, 20], "divergence": values}, "test": {"step": [20]}}
    content = {"format": 1, "method": "VAT", "dataset": "digits", "flags": experiment,
               "result": {}, "data": {}, "curve": curve}  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(content))
    return str(folder / f"{name}.json")


def test_records_give_the_curves_of_their_runs(tmp_path):
    vat = ["--method=vat", "--epsilon=1.0"]
    files = [
        _record(tmp_path, "a", vat, [1.0, 2.0]),
        _record(tmp_path, "b", [*vat, "--seed=2", "--label_seed=7"], [3.0, None]),
        _record(tmp_path, "c", ["--method=vat", "--epsilon=2.0"], [5.0, 6.0]),
    ]
    drawing = curves.draw(files)
    (ax,) = drawing.picture.axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(10, 2), (20, 2)])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [5, 6])
    assert drawing.told == ["VAT #1: --epsilon=1.0", "VAT #2: --epsilon=2.0"]


def test_runs_that_logged_nothing_are_refused(make_log):
    with pytest.raises(UsageError, match="logged twice or more.*Received: --workdir=.*a"):
        curves.draw([make_log("a", ["--method=mle"], [])])
