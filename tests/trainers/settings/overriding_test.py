import pathlib

import pytest

from trainers.errors import UsageError
from trainers.settings import overriding


@pytest.fixture
def workdirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("vat.flags").write_text("--method=vat\n--epsilon=2\n")
    pathlib.Path("mle.flags").write_text("--method=mle\n")
    return {pathlib.Path(f"{name}.flags"): f"runs/{name}" for name in ("vat", "mle")}


def test_each_experiment_has_its_flagfile_workdir_and_the_overrides_that_it_takes(workdirs):
    overrides = {"seed": "--seed=7", "epsilon": "--epsilon=3.0"}
    vat, mle = overriding.plan(workdirs, overrides, choice="--table=x")
    assert vat.arguments == [
        "--flagfile=vat.flags", "--workdir=runs/vat", "--seed=7", "--epsilon=3.0"
    ]  # fmt: skip
    assert mle.arguments == ["--flagfile=mle.flags", "--workdir=runs/mle", "--seed=7"]
    assert (vat.experiment.seed, vat.experiment.options) == (7, {"epsilon": 3.0})
    assert mle.values.seed == 7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"norm": "--norm=l2"}, "no run of --table=x takes --norm .* Received: --norm=l2"),
        ({"method": "--method=at"}, "no run of --table=x takes --method .* Received: --method=at"),
        ({"workdir": "--workdir=w"}, "no run of --table=x takes --workdir .* --workdir=w"),
    ],
)
def test_overrides_that_nobody_takes(workdirs, overrides, message):
    with pytest.raises(UsageError, match=message):
        overriding.plan(workdirs, overrides, choice="--table=x")
