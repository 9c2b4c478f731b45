import json
import pathlib

import pytest

from trainers.errors import UsageError
from trainers.reports import seeds
from trainers.settings import experiment as experiment_lib


@pytest.fixture
def run(tmp_path):
    """(name, flags ...) -> a directory with the config.flags of such a run."""

    def make(name, *flags):
        workdir = tmp_path / name
        workdir.mkdir()
        values = experiment_lib.parse([*flags, f"--workdir={workdir}"])
        (workdir / "config.flags").write_text(experiment_lib.to_flagfile(values))
        return str(workdir)

    return make


def test_runs_that_differ_in_the_seed_alone_are_a_group(run):
    b = run("b", "--method=vat", "--seed=2")
    a = run("a", "--method=vat", "--seed=1", "--data_dir=/elsewhere", "--download")
    mle = run("c", "--method=mle", "--seed=1")
    groups = seeds.group([b, mle, a])
    assert groups == [seeds.Group("VAT", [], [a, b]), seeds.Group("MLE", [], [mle])]


def test_groups_of_one_method_are_told_apart_by_their_flags(run):
    runs = [
        run("a", "--method=xvat", "--mask=inductive", "--sparsity=0.5"),
        run("b", "--method=xvat", "--mask=inductive", "--train_steps=10"),
        run("c", "--method=xvat", "--mask=transductive"),
    ]
    assert [(group.label, group.flags) for group in seeds.group(runs)] == [
        ("xVAT-I", ["--sparsity=0.5", "--train_steps=2000"]),
        ("xVAT-I", ["--train_steps=10"]),
        ("xVAT-T", []),
    ]


def test_the_same_run_twice_is_no_second_sample(run):
    runs = [run("a", "--method=vat"), run("b", "--method=vat")]
    with pytest.raises(UsageError, match="/a and .*/b, both --seed=1"):
        seeds.group(runs)


def test_a_directory_without_a_run(run, tmp_path):
    with pytest.raises(UsageError, match=r"config\.flags .*Received: --workdir=/no"):
        seeds.group([run("a"), "/nowhere"])


def _report(accuracy):
    return {
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "negative_log_likelihood": 2 * accuracy,
        "expected_calibration_error": 0.01,
    }


def test_the_table_has_mean_deviation_number_and_interval(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    # Deviation 1 %; t(.975, 2) = 4.302653 over sqrt(3): 2.48 % to either side.
    several = seeds.summarize([_report(0.97), _report(0.98), _report(0.99)])
    one = seeds.summarize([_report(0.5)])
    told = seeds.Group("RandomMask", ["--sparsity=0.5"], ["a", "b", "c"])
    rows = [(told, several), (seeds.Group("MLE", [], ["d"]), one)]
    seeds.print_groups(rows, split="test")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [" ".join(line.split()) for line in lines if "RandomMask" in line]
    for number in ("98.00 ± 1.00", "95.52–100.00", "1.960 ± 0.020", "1.00 ± 0.00"):
        assert number in row
    assert row.split()[1:3] == ["#1", "3"]
    assert "#1: --sparsity=0.5" in lines
    (row,) = [line.split() for line in lines if "MLE" in line]
    assert {"1", "50.00"} <= set(row) and "±" not in row and "nan" not in row
    assert "same images" in " ".join(lines)
    seeds.print_groups(rows, split="validation")
    assert "same images" not in capsys.readouterr().out


def test_the_report_of_one_run_is_strict_json():
    told = seeds.report(seeds.Group("MLE", [], ["d"]), seeds.summarize([_report(0.5)]))
    assert told["accuracy"] == {"n": 1, "mean": 0.5, "std": None, "half_width": None}
    assert (told["label"], told["workdirs"]) == ("MLE", ["d"])
    json.dumps(told, allow_nan=False)


def test_unfinished_runs_are_no_samples(run, result):
    workdirs = [run(name, f"--seed={seed}") for seed, name in enumerate("abc")]
    other = run("d", "--method=mle")
    for workdir in workdirs[:2]:
        (pathlib.Path(workdir) / "result.json").write_text(json.dumps(result))
    kept, unfinished = seeds.leave_out_unfinished(seeds.group([*workdirs, other]))
    assert [group.workdirs for group in kept] == [workdirs[:2]]
    assert unfinished == [workdirs[2], other]
