import pathlib

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers.errors import UsageError
from trainers.tuning import plan


def test_the_part_in_a_search():
    names = plan.VARIABLES
    assert plan.role({}) == "alone"
    assert plan.role({names[0]: "worker7"}) == "alone"
    assert plan.role(dict(zip(names, ("chief", "::1", "7"), strict=True))) == "chief"
    assert plan.role(dict(zip(names, ("a", "::1", "7"), strict=True))) == "worker"
    with pytest.raises(UsageError, match="only KERASTUNER_ORACLE_IP"):
        plan.role({names[1]: "::1"})
    with pytest.raises(UsageError, match="only KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_PORT"):
        plan.role({names[0]: "chief", names[1]: "", names[2]: "7"})


def _read(*arguments):
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", "--workdir=w", "--num_validation=100", *arguments])
        return (*plan.read(), plan.describe({"learning_rate": "log:1:2"}))


def test_what_is_given_is_fixed_but_for_what_a_trial_has_of_its_own():
    experiment, fixed, ranges, _ = _read(
        *("--method=xvat", "--sparsity=2", "--seed=3", "--quiet", "--search=beta=log:0.1:1")
    )
    assert experiment.seed == 3
    assert fixed == {
        "method": "--method=xvat",
        "sparsity": "--sparsity=2.0",
        "num_validation": "--num_validation=100",
    }
    assert list(ranges) == ["beta", "learning_rate", "mask_learning_rate"]
    # A searched flag is not fixed as well.
    _, fixed, ranges, _ = _read("--method=vat", "--epsilon=2", "--search=epsilon")
    assert "epsilon" in ranges and "epsilon" not in fixed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_validation=0"], "--num_validation must be above 0"),
        (["--method=mle", "--search=beta_1=linear:0.5:1"], r"--beta_1 must be .*--beta_1=1\.0"),
        (
            ["--tuner=hyperband", "--train_steps=1499"],
            "of at least 3 --steps_per_epoch. Received: --train_steps=1499 --steps_per_epoch=500",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_before_the_first_trial(arguments, message):
    with pytest.raises(UsageError, match=message):
        _, fixed, ranges, _ = _read(*arguments)
        plan.refuse_ends(fixed, ranges)  # The ends of ranges are known to keras-tuner alone.


def test_hyperband_needs_no_more_than_its_factor():
    assert _read("--tuner=hyperband", "--train_steps=1500")[0].train_steps == 1500


def test_a_search_is_its_flags_but_not_how_many_trials_it_may_take():
    text = _read("--tuner=grid", "--executions=2", "--trials=7")[-1]
    lines = text.splitlines()
    assert lines[:3] == ["--tuner=grid", "--executions=2", "--search=learning_rate=log:1:2"]
    assert "--num_validation=100" in lines and not [x for x in lines if x.startswith("--trials")]


def test_a_directory_keeps_one_search(tmp_path):
    workdir = tmp_path / "a" / "search"
    assert plan.open_directory(workdir, "--tuner=grid\n--seed=1\n") is False
    # The order of lines says nothing.
    assert plan.open_directory(workdir, "--seed=1\n--tuner=grid\n") is True
    with pytest.raises(UsageError) as caught:
        plan.open_directory(workdir, "--tuner=random\n--seed=1\n")
    assert str(caught.value).splitlines()[1:] == [
        "  there --tuner=grid", "  received --tuner=random"
    ]  # fmt: skip
    assert (workdir / "search.flags").read_text() == "--tuner=grid\n--seed=1\n"


def test_a_place_that_cannot_be_a_directory_is_a_usage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--workdir must be a writable .*\(Not a directory\)"):
        plan.open_directory(pathlib.Path(tmp_path / "file" / "search"), "")


@pytest.mark.parametrize("name", ["oracle.json", "trial_0/trial.json"])
def test_a_damaged_file_of_keras_tuner_is_named(tmp_path, name):
    plan.refuse_damaged_oracle(tmp_path)
    file = tmp_path / "oracle" / name
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    plan.refuse_damaged_oracle(tmp_path)
    file.write_text("")
    with pytest.raises(UsageError, match=rf"{name} is damaged .*; without .*oracle .* anew"):
        plan.refuse_damaged_oracle(tmp_path)
