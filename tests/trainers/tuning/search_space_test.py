import pytest

from flags.methods import FORMS, METHODS
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.tuning import search_space


def _experiment(*arguments):
    return experiment_lib.from_flags(experiment_lib.parse(["--workdir=w", *arguments]))


@pytest.mark.parametrize("mask", FORMS)
@pytest.mark.parametrize("method", METHODS)
def test_every_declared_range_is_of_a_flag_that_the_method_takes(method, mask):
    masked = [f"--mask={mask}"] if METHODS[method].trains_mask else []
    experiment = _experiment(f"--method={method}", *masked)
    ranges = search_space.ranges(experiment, [], [])
    assert "learning_rate" in ranges
    assert ("mask_learning_rate" in ranges) == bool(masked)
    for flag in search_space.hyperparameters(ranges).space:
        for point in search_space.points(flag):
            own = search_space.arguments({flag.name: point})
            _experiment(f"--method={method}", *masked, *own.values())


def test_given_flags_are_fixed_unless_search_names_them():
    experiment = _experiment("--method=xvat")
    given = ["learning_rate", "sparsity", "mask_learning_rate", "dataset"]
    assert list(search_space.ranges(experiment, given[:1], [])) == [
        "mask_learning_rate", "sparsity"
    ]  # fmt: skip
    search = ["sparsity", "learning_rate=linear:0.1:0.2", "generator_depth=int:1:3"]
    assert search_space.ranges(experiment, given, search) == {
        "generator_depth": "int:1:3",
        "learning_rate": "linear:0.1:0.2",
        "sparsity": METHODS["xvat"].search["sparsity"],
    }


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (["learning_rate=log:1e-4"], r"log:LOW:HIGH.* Received: --search=learning_rate=log:1e-4$"),
        (["learning_rate=log:0:1"], "for log above 0"),
        (["learning_rate=linear:2:1"], "LOW below HIGH"),
        (["learning_rate=linear:0:inf"], "LOW below HIGH"),
        (["learning_rate=linear:0:nan"], "LOW below HIGH"),
        (["learning_rate=cubic:1:2"], "must be FLAG=log"),
        (["learning_rate=int:1:2"], "must be FLAG=log"),
        (["learning_rate="], "must be FLAG=log"),
        (["labeled_batch_size=linear:1:2"], "must be FLAG=log"),
        (["labeled_batch_size=int:1:2.5"], "must be FLAG=log"),
        (["mask_decay=linear:0:1"], "must be FLAG=log"),
        (["schedule=choice:constant"], "must be FLAG=log"),
        (["schedule=choice:constant,"], "must be FLAG=log"),
        (["schedule=choice:constant,constant"], "must be FLAG=log"),
        (["beta"], r"must give a range for --beta.* Received: --search=beta$"),
        (["epsilon=log:1:2"], r"must name a flag that --method=xvat .*=epsilon=log:1:2$"),
        (["sparsty=log:1:2"], "must name a flag that"),
        (["seed=int:1:5"], "leaves data, steps and seeds alone"),
        (["num_validation=int:1:5"], "leaves data, steps and seeds alone"),
        (["sparsity", "sparsity=log:1:2"], "must name a flag once"),
    ],
)
def test_what_is_no_range_is_a_usage_error(search, message):
    with pytest.raises(UsageError, match=message) as raised:
        search_space.ranges(_experiment("--method=xvat"), [], search)
    assert str(raised.value).startswith("--search must ")


def test_there_must_be_something_to_search():
    with pytest.raises(UsageError, match="all others are given"):
        search_space.ranges(_experiment("--method=mle"), ["learning_rate"], [])


def test_a_grid_has_ends_and_middle_on_the_scale_of_the_range():
    texts = {
        "learning_rate": "log:1e-4:1e-2",  # the geometric mean is 1e-3
        "sparsity": "linear:1:3",
        "generator_depth": "int:1:5",
        "mask": "choice:transductive,inductive",
        "labeled_batch_size": "int:7:8",
    }
    space = search_space.hyperparameters(texts).space
    assert [search_space.points(flag) for flag in space] == [
        pytest.approx([1e-4, 1e-3, 1e-2]),
        [1.0, 2.0, 3.0],
        [1, 3, 5],
        ["transductive", "inductive"],
        [7, 8],
    ]


def test_values_become_arguments():
    values = {"learning_rate": 0.00123456, "labeled_batch_size": 12345, "tuner/epochs": 3}
    # A choice stays as it was typed.
    values["sparsity"] = "0.123456"
    assert search_space.arguments(values) == {
        "learning_rate": "--learning_rate=0.001235",
        "labeled_batch_size": "--labeled_batch_size=12345",
        "sparsity": "--sparsity=0.123456",
    }
