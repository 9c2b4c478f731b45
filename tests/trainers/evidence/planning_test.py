import pathlib

import pytest

from flags import method as method_flags
from trainers.errors import UsageError
from trainers.evidence import planning
from trainers.run import status
from trainers.settings import experiment as experiment_lib
from trainers.settings import overriding

_LABELS = ["MLE", "RandomMask", "VAT", "xVAT-I", "xVAT-T"]


def _plan(table="digits", overrides=None, **choice):
    return planning.plan(table, "w", overrides or {}, planning.Choice(**choice))


def test_digits_in_order():
    runs = _plan("digits")
    assert [run.label for run in runs] == _LABELS
    assert [str(run.workdir) for run in runs] == [
        "w/mle", "w/random_mask", "w/vat", "w/xvat_inductive", "w/xvat_transductive"
    ]  # fmt: skip
    for run in runs:
        flagfile, workdir = run.arguments
        assert pathlib.Path(flagfile.removeprefix("--flagfile=")).is_file()
        assert workdir == f"--workdir={run.workdir}"


def test_tables_can_be_joined():
    both = _plan("digits,digits_all")
    assert len(both) == len(_LABELS) + len(_plan("digits_all"))
    assert [run.label for run in both if run.label in _LABELS] == _LABELS


def test_runs_of_the_digits_table_differ_in_the_methods_flags_only():
    # Flags of data and training come from one included file; a line of a run's own would win.
    kept = []
    for run in _plan("digits"):
        of_method = experiment_lib.names_of(method_flags)
        names = {line: line[2:].partition("=")[0] for line in run.config.splitlines()}
        kept.append([line for line, name in names.items() if name not in of_method])
    assert all(lines == kept[0] for lines in kept)
    assert "--num_labeled=100" in kept[0]


def test_overrides_go_to_the_runs_that_take_them():
    overrides = {"train_steps": "--train_steps=3", "sparsity": "--sparsity=2.0"}
    runs = {run.label: run for run in _plan("digits", overrides)}
    for label, run in runs.items():
        assert "--train_steps=3" in run.arguments and "--train_steps=3\n" in run.config
        assert ("--sparsity=2.0" in run.arguments) == label.startswith("xVAT")


@pytest.mark.parametrize(
    ("table", "workdir", "overrides", "message"),
    [
        ("digitz", "w", {}, r"one of .*digits.*Received: digitz"),
        ("digits,", "w", {}, r"one of .*digits.*Received: digits,"),
        (None, "w", {}, r"Received: nothing"),
        ("digits", None, {}, r"--workdir must name"),
        ("supervised,semi_supervised", "w", {}, r"names.* where cifar10_mle stands twice"),
        ("digits", "w", {"method": "--method=vat"}, r"takes --method as an override"),
        ("digits", "w", {"mask": "--mask=inductive"}, r"takes --mask as an override"),
        ("digits", "w", {"norm": "--norm=l2"}, r"takes --norm .*Received: --norm=l2"),
    ],
)
def test_what_cannot_be_planned_is_a_usage_error(table, workdir, overrides, message):
    with pytest.raises(UsageError, match=message):
        planning.plan(table, workdir, overrides, planning.Choice())


def test_data_sets_and_methods_are_chosen_by_the_names_of_flagfiles():
    runs = _plan("like_for_like", datasets=["mnist", "svhn"], methods=["vat", "xvat_inductive"])
    assert [run.file.stem for run in runs] == [
        "mnist_vat", "svhn_vat", "mnist_xvat_inductive", "svhn_xvat_inductive"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"datasets": ["mnst"]}, r"--datasets must name some of cifar10, mnist, svhn\. Received"),
        (
            {"methods": ["vatt"]},
            r"--methods must name some of .*, vat, .* Received: --methods=vatt",
        ),
    ],
)
def test_what_is_not_there_cannot_be_chosen(choice, message):
    with pytest.raises(UsageError, match=message):
        _plan("semi_supervised", **choice)


def test_a_choice_of_nothing_is_a_mistake():
    with pytest.raises(UsageError, match=r"--methods must be there for --datasets"):
        _plan("semi_supervised", datasets=["svhn"], methods=["ladder"])


def test_seeds_have_directories_of_their_own_beside_each_other():
    runs = _plan(seeds=[1, 4], methods=["mle", "vat"])
    assert [str(run.workdir) for run in runs] == [
        "w/mle/seed_1", "w/mle/seed_4", "w/vat/seed_1", "w/vat/seed_4"
    ]  # fmt: skip
    assert [run.experiment.seed for run in runs] == [1, 4, 1, 4]
    assert "--seed=4" in runs[1].arguments and "--seed=4\n" in runs[1].config


def test_draws_of_labels_have_directories_of_their_own():
    (run,) = _plan(seeds=[2], methods=["mle"], overrides={"label_seed": "--label_seed=7"})
    assert str(run.workdir) == "w/mle/labels_7/seed_2"
    assert (run.experiment.seed, run.experiment.split_seed) == (2, 7)


def test_runs_of_a_row_are_trained_by_one_command():
    runs = _plan(seeds=[1, 4, 5], methods=["vat"], overrides={"epsilon": "--epsilon=2.0"})
    file = f"--flagfile={runs[0].arguments[0].partition('=')[2]}"
    assert planning.together(runs[1:]) == [file, "--epsilon=2.0", "--workdir=w/vat", "--seeds=4,5"]
    (alone,) = _plan(methods=["vat"])
    assert planning.together([alone]) == alone.arguments


def test_how_many_seeds_or_which():
    assert planning.seeds("3") == [1, 2, 3]
    assert planning.seeds("7,2") == [7, 2]
    assert planning.seeds(None) == []
    for text in ("0", "", "a", "1,1", "-1", "1,", "1.5"):
        with pytest.raises(UsageError, match=r"--seeds must be how many runs .*Received: --seeds="):
            planning.seeds(text)


def test_quick_keeps_the_epochs_and_shortens_them():
    (whole,) = _plan("semi_supervised", datasets=["mnist"], methods=["vat"])
    (quick,) = _plan("semi_supervised", datasets=["mnist"], methods=["vat"], quick=True)
    # 50,000 steps, 500 an epoch: 100 epochs of 25.
    assert (whole.experiment.train_steps, whole.experiment.steps_per_epoch) == (50_000, 500)
    assert (quick.experiment.train_steps, quick.experiment.steps_per_epoch) == (2_500, 25)
    assert "--train_steps=2500" in quick.arguments and "--train_steps=2500\n" in quick.config


def test_quick_keeps_as_many_epochs_where_they_do_not_divide():
    values = experiment_lib.parse(["--train_steps=300", "--steps_per_epoch=30", "--workdir=-"])
    whole = overriding.Planned(["--workdir=-"], values, experiment_lib.from_flags(values))
    # 10 epochs of 30 / 20, at least 1; 300 / 20 would be 15 of them.
    assert planning._shortened(whole).experiment.train_steps == 10


def test_a_run_is_held_as_long_as_another_has_its_lock(tmp_path):
    (run,) = planning.plan("digits", str(tmp_path), {}, planning.Choice(methods=["mle"]))
    assert not run.held and not run.workdir.exists()
    run.workdir.mkdir()
    with status.lock(run.workdir):
        assert run.held
    assert not run.held
