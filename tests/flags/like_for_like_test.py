"""The like-for-like flagfiles: within a data set the method differs, and what it cannot do without.

What they can be built as is of experiments_test.py.
"""

import pathlib

import pytest

import flags
from flags.methods import FORMS, METHODS
from trainers.errors import UsageError
from trainers.evidence import planning
from trainers.settings import experiment as experiment_lib
from trainers.settings import taken_flags

_ROOT = pathlib.Path(flags.__file__).parent / "experiments"
_FOLDER = _ROOT / "like_for_like"
_FILES = {file.stem: file for file in sorted(_FOLDER.glob("*.flags"))}
_DATASETS = ("mnist", "svhn", "cifar10")
_COMBINATIONS = {"vat_entropy", "xvat_inductive_entropy"} | {
    f"{mask}_vat{entropy}"
    for mask in ("random_mask", "xvat_inductive", "xvat_transductive")
    for entropy in ("", "_entropy")
}
# Flags that a run sets otherwise than the others although they are not its method's.
_EXCEPTIONS = {
    "pi_model": {"input_noise"},
    "temporal_ensembling": {"input_noise"},
    "mean_teacher": {"input_noise"},
    "ladder": {"model"},
    "catgan": {"beta_1"},
    "feature_matching_gan": {"model", "beta_1"},
}


def _values(file):
    return experiment_lib.parse([f"--flagfile={file}", "--workdir=w"])


def _exceptions(data, method):
    names = _EXCEPTIONS.get(method, set())
    # The network of MNIST has no dropout of its own.
    return names | {"dropout"} if data == "mnist" and "input_noise" in names else names


def _has_mask(method):
    return METHODS[method].trains_mask


def _row(values):
    """xvat+entropy with an inductive mask: xvat_inductive_entropy."""
    names = taken_flags.parts(values.method)
    return "_".join(f"{name}_{values.mask}" if _has_mask(name) else name for name in names)


def test_every_method_has_a_run_on_every_data_set():
    rows = set(_COMBINATIONS)
    for method in METHODS:
        forms = FORMS if _has_mask(method) else ()
        rows |= {f"{method}_{form}" for form in forms} or {method}
    assert set(_FILES) == {f"{data}_{row}" for data in _DATASETS for row in rows}


@pytest.mark.parametrize("name", _FILES)
def test_runs_differ_in_what_is_their_methods_own(name):
    values = _values(_FILES[name])
    data = values.dataset.removesuffix("_cropped")
    assert name == f"{data}_{_row(values)}"
    common = _values(_FOLDER / "common" / f"{data}.flags")
    own = {"method", *taken_flags.of_method(values.method, values.mask)}
    differing = {n for n in experiment_lib.all_names() if values[n].value != common[n].value}
    exceptions = _exceptions(data, values.method)
    assert differing - own == exceptions
    header = [line for line in _FILES[name].read_text().splitlines() if line.startswith("# ")]
    assert any("Differs from the common flags in" in line for line in header) == bool(exceptions)


@pytest.mark.parametrize("data", _DATASETS)
@pytest.mark.parametrize("row", ["xvat_inductive", "xvat_transductive"])
def test_xvat_runs_by_its_own_recipe(data, row):
    own = _values(_ROOT / "semi_supervised" / f"{data}_{row}.flags")
    assert experiment_lib.to_flagfile(_values(_FILES[f"{data}_{row}"])) == (
        experiment_lib.to_flagfile(own)
    )


def test_what_they_include_is_no_run():
    assert len(planning.plan("like_for_like", "w", {}, planning.Choice())) == len(_FILES)
    with pytest.raises(UsageError, match=r"Received: common"):
        planning.plan("common", "w", {}, planning.Choice())
