import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

import flags.programs  # noqa: F401 (defines --seeds)
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@pytest.fixture
def flagfile(tmp_path):
    file = tmp_path / "a.flags"
    file.write_text("# A comment.\n--method=vat\n--epsilon=4\n--nobalanced\n")
    return file


def test_flags_read_back_are_the_flags_written(flagfile, tmp_path):
    arguments = [f"--flagfile={flagfile}", "--workdir=w", "--train_steps=7", "--flip"]
    values = experiment_lib.parse(arguments)
    config = tmp_path / "config.flags"
    config.write_text(experiment_lib.to_flagfile(values))
    again = experiment_lib.parse([f"--flagfile={config}", "--workdir=w"])
    assert experiment_lib.from_flags(again) == experiment_lib.from_flags(values)
    assert experiment_lib.to_flagfile(again) == config.read_text()
    experiment = experiment_lib.from_flags(again)
    assert (experiment.method, experiment.train_steps) == ("vat", 7)
    assert experiment.options == {"epsilon": 4.0}
    assert not experiment.balanced and experiment.flip


def test_parsing_leaves_flags_alone(flagfile):
    before = absl_flags.FLAGS["method"].value
    values = experiment_lib.parse([f"--flagfile={flagfile}", "--workdir=w"])
    assert values.method == "vat"
    assert absl_flags.FLAGS["method"].value == before
    assert not absl_flags.FLAGS["epsilon"].present


def test_parsing_does_not_see_the_command_line():
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--train_steps=9"])
        assert experiment_lib.parse(["--workdir=w"]).train_steps == 2000


def test_given_has_what_stands_on_the_command_line(flagfile):
    values = experiment_lib.parse(["--workdir=a b", "--noflip", f"--flagfile={flagfile}"])
    assert experiment_lib.given(values) == {
        "workdir": "--workdir=a b",
        "flip": "--noflip",
        "method": "--method=vat",
        "epsilon": "--epsilon=4.0",
        "balanced": "--nobalanced",
    }


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--nothing=1", "this program has no flag --nothing"),
        ("--seed=-1", "in the range"),
        ("--flagfile=/nowhere", "No such file"),
        ("word", r"flags start with --\. Received: word"),
    ],
)
def test_mistakes_are_usage_errors(argument, message):
    with pytest.raises(UsageError, match=message):
        experiment_lib.parse([argument])


def test_other_flags_are_refused():
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--workdir=w", "--train_steps=9"])
        with pytest.raises(UsageError, match=r"no flag --train_steps; .*Received: --train_steps=9"):
            experiment_lib.refuse_untaken_flags("workdir")
        experiment_lib.refuse_untaken_flags("workdir", "train_steps")


def test_each_seed_is_an_experiment_in_a_directory_of_its_own():
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--workdir=w", "--seed=9", "--seeds=3,1"])
        (third, flagfile), (first, _) = experiment_lib.each_seed()
    assert (third.seed, third.workdir) == (3, "w/seed_3")
    assert (first.seed, first.workdir) == (1, "w/seed_1")
    assert "--seed=3\n" in flagfile and "seeds" not in flagfile


def test_without_seeds_there_is_one_experiment():
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--workdir=w", "--seed=9"])
        ((experiment, flagfile),) = experiment_lib.each_seed()
    assert (experiment.seed, experiment.workdir) == (9, "w") and "--seed=9\n" in flagfile


@pytest.mark.parametrize("seeds", ["", "1,1", "1,", "one", "-1", "1.5"])
def test_seeds_that_are_none_are_refused(seeds):
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--workdir=w", f"--seeds={seeds}"])
        with pytest.raises(UsageError, match=f"Received: --seeds={seeds}"):
            experiment_lib.each_seed()
