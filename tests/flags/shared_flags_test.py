"""What flagfiles share stands once, in a file that they include; what a file has, it changes."""

import collections
import os
import pathlib

import pytest

import flags
from trainers.errors import UsageError
from trainers.evidence import planning
from trainers.settings import experiment as experiment_lib

_ROOT = pathlib.Path(flags.__file__).parent / "experiments"


def _read(root=_ROOT):
    """{file: its lines that set flags}, of the runs and of what they include."""
    return {
        str(path.relative_to(root)): [
            line for line in path.read_text().splitlines() if line.startswith("--")
        ]
        for path in sorted(root.rglob("*.flags"))
    }


def _own(lines):
    return {line for line in lines if not line.startswith("--flagfile=")}


def _included(name, lines):
    """The files that a file includes itself, as named in `_read`."""
    included = [line.partition("=")[2] for line in lines if line.startswith("--flagfile=")]
    return [os.path.normpath(pathlib.Path(name).parent / file) for file in included]


def _from_included(name, files):
    """{flag: the line that sets it} by the files that a file includes; the later one wins."""
    found = {}
    for included in _included(name, files[name]):
        found |= _effective(included, files)
    return found


def _effective(name, files):
    own = {line.partition("=")[0]: line for line in _own(files[name])}
    return _from_included(name, files) | own


def _runs(files):
    return [name for name in files if pathlib.Path(name).parent.name != "common"]


def _groups(files):
    """Files that belong together: a folder's of one data set, and those that include one file."""
    groups = collections.defaultdict(list)
    for name in _runs(files):
        dataset = _effective(name, files)["--dataset"]
        groups[f"{pathlib.Path(name).parent} with {dataset}"].append(name)
    for name, lines in files.items():
        for included in _included(name, lines):
            groups[f"those that include {included}"].append(name)
    return {group: names for group, names in groups.items() if len(names) > 1}


def _repeated(files):
    """{group: lines that all of its files have, and no included file}."""
    shared = {
        group: set.intersection(*(_own(files[name]) for name in names))
        for group, names in _groups(files).items()
    }
    return {group: lines for group, lines in shared.items() if lines}


def _redundant(files):
    """{file: its lines that stand in what it includes}."""
    found = {
        name: _own(lines) & set(_from_included(name, files).values())
        for name, lines in files.items()
    }
    return {name: lines for name, lines in found.items() if lines}


def test_what_all_files_share_is_included():
    assert _repeated(_read()) == {}


def test_no_file_repeats_what_it_includes():
    assert _redundant(_read()) == {}


def test_every_run_includes_a_file_and_every_common_file_is_included():
    files = _read()
    used = {included for name, lines in files.items() for included in _included(name, lines)}
    assert all(_included(name, files[name]) for name in _runs(files))
    assert set(files) - set(_runs(files)) <= used


def test_common_files_say_that_they_are_no_run():
    common = set(_read()) - set(_runs(_read()))
    assert len(common) > 10
    for name in common:
        header = [each[2:] for each in (_ROOT / name).read_text().splitlines() if each[0] == "#"]
        assert "no run by itself" in " ".join(header), name


@pytest.mark.parametrize("table", sorted({str(pathlib.Path(n).parent) for n in _runs(_read())}))
def test_common_files_are_no_runs_of_a_table(table):
    assert {
        pathlib.Path(run.workdir).name for run in planning.plan(table, "w", {}, planning.Choice())
    } == {path.stem for path in (_ROOT / table).glob("*.flags")}
    with pytest.raises(UsageError, match=r"Received: common"):
        planning.plan("common", "w", {}, planning.Choice())


@pytest.mark.parametrize("table", ["digits", "semi_supervised", "supervised"])
def test_a_planted_repetition_is_found(table):
    files = _read()
    names = [name for name in _runs(files) if pathlib.Path(name).parent == pathlib.Path(table)]
    planted = files | {name: [*files[name], "--summary_every=7"] for name in names}
    assert _repeated(planted).popitem()[1] == {"--summary_every=7"}
    one = files | {names[0]: [*files[names[0]], "--summary_every=7"]}
    assert _repeated(one) == {}


def test_a_common_flag_reaches_the_run_that_includes_it():
    # Two steps away: cifar100_at includes cifar100_released, which includes cifar10_released.
    run = experiment_lib.parse([f"--flagfile={_ROOT / 'supervised/cifar100_at.flags'}"])
    assert run.dataset == "cifar100" and run.decay_floor == 1e-5
    # A run's own line wins: MLE has no unlabeled images, where xVAT's recipe has 128.
    run = experiment_lib.parse([f"--flagfile={_ROOT / 'semi_supervised/svhn_mle.flags'}"])
    assert run.unlabeled_batch_size == 0 and run.labeled_batch_size == 32
