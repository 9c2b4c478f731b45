import os

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers.benchmarking import child, experiment_rows, experiment_table
from trainers.errors import UsageError
from trainers.settings import command_line, overriding


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """(patterns, command line) -> what is planned, beside three flagfiles."""
    monkeypatch.chdir(tmp_path)
    for name in ("mle", "at", "vat"):
        (tmp_path / f"{name}.flags").write_text(f"--method={name}\n")

    def plan(patterns, *arguments):
        with flagsaver.flagsaver():
            command_line.parse(absl_flags.FLAGS, arguments)
            return experiment_rows.plan(patterns)

    return plan


def test_patterns_and_names_each_flagfile_once(plan):
    assert list(plan(["vat.flags", "a*.flags", "*.flags"])) == [
        "vat.flags", "at.flags", "mle.flags"
    ]  # fmt: skip


def test_an_experiment_is_that_of_training_without_a_place(plan):
    one = plan(["vat.flags"], "--seed=3")["vat.flags"]
    assert one.arguments == ["--flagfile=vat.flags", f"--workdir={os.devnull}", "--seed=3"]
    assert (one.experiment.method, one.experiment.seed) == ("vat", 3)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["vat.flags", "x*.flags"], r"--experiments must name flagfiles .* Received: x\*\.flags"),
        ([], "--experiments must name flagfiles that exist.* Received: nothing"),
        (["."], r"--flagfile must name a file of flags that can be read\. Received: \. "),
    ],
)
def test_no_such_flagfile(plan, patterns, message):
    with pytest.raises(UsageError, match=message):
        plan(patterns)


def test_an_override_that_nobody_takes(plan):
    with pytest.raises(
        UsageError, match=r"no run of --experiments=mle\.flags,at\.flags takes --xi"
    ):
        plan(["mle.flags", "at.flags"], "--xi=0.1")


def test_one_that_fails_does_not_keep_the_others_from_being_measured(monkeypatch, capsys):
    tasks = []

    def run(module, task, *, what):
        tasks.append((module, task))
        if what == "bad.flags":
            raise RuntimeError("failed")
        return {"of": what}

    monkeypatch.setattr(child, "run", run)
    monkeypatch.setattr(experiment_table, "summarize", lambda measured: {**measured, "gflops": 1})
    planned = {
        name: overriding.Planned([f"--flagfile={name}"], values=None, experiment=None)
        for name in ("bad.flags", "good.flags")
    }
    bad, good = experiment_rows.measure(planned, steps=9)
    assert str(bad) == "failed"
    assert good == {"flagfile": "good.flags", "of": "good.flags", "gflops": 1}
    module, task = tasks[1]
    assert module == "trainers.benchmarking.experiment_timing"
    assert task["arguments"] == ["--flagfile=good.flags", "--strategy=one_device"]
    assert task["steps"] == 9
    assert "[2/2] good.flags" in capsys.readouterr().err


@pytest.mark.parametrize("pattern", ["digits/*.flags", "flags/experiments/digits/*.flags"])
def test_experiments_of_the_project_are_found_from_any_folder(plan, pattern):
    assert [one.experiment.method for one in plan([pattern]).values()] == [
        "mle", "random_mask", "vat", "xvat", "xvat"
    ]  # fmt: skip
