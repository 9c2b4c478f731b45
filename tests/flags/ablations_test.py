"""The ablations' flagfiles: each differs from the run that it includes in what its name says.

What they can be built as is of experiments_test.py.
"""

import pathlib
import re

import numpy as np
import pytest
from scipy import special

import flags
from trainers.settings import experiment as experiment_lib
from trainers.settings import taken_flags

_FOLDER = pathlib.Path(flags.__file__).parent / "experiments" / "ablations"
_FILES = {file.stem: file for file in sorted(_FOLDER.glob("*.flags"))}


def _values(name):
    return experiment_lib.parse([f"--flagfile={_FILES[name]}", "--workdir=w"])


def _header(name):
    lines = _FILES[name].read_text().splitlines()
    return " ".join(line.removeprefix("# ") for line in lines if line.startswith("# "))


@pytest.mark.parametrize("name", _FILES)
def test_a_run_differs_from_what_it_includes_in_its_method_alone(name):
    (line,) = [x for x in _FILES[name].read_text().splitlines() if x.startswith("--flagfile=")]
    included = (_FOLDER / line.partition("=")[2]).resolve()
    values = _values(name)
    base = experiment_lib.parse([f"--flagfile={included}", "--workdir=w"])
    differing = {n for n in experiment_lib.all_names() if values[n].value != base[n].value}
    own = {"method", "input_dropout", *taken_flags.of_method(values.method, values.mask)}
    assert differing <= own
    # One thing at a time, but for what says which kind of mask it is.
    assert len(differing - {"fixed_masks", "divergence", "dropout_layer"}) <= 2
    experiment_lib.from_flags(values)


@pytest.mark.parametrize("data", ["digits", "mnist"])
def test_both_data_sets_have_the_rows(data):
    rows = {name.removeprefix(f"{data}_") for name in _FILES if name.startswith(data)}
    masks = {
        f"{kind}_mask{kept}{kl}"
        for kind in ("random", "fixed")
        for kept in ("", "_kept41", "_kept96")
        for kl in ("", "_kl")
    }
    trained = {
        f"xvat_{form}{what}"
        for form in ("inductive", "transductive")
        for what in ("", "_untrained", "_released", "_rate10", "_sparsity0", "_sparsity10")
    }
    controls = {"mle", "mle_input_dropout20", "masked_labels", "noise", "noise_epsilon8"}
    vat = {"vat", "vat_epsilon2", "vat_epsilon8"}
    both = {f"{mask}_vat" for mask in ("random_mask", "xvat_inductive", "xvat_transductive")}
    controls |= {"noise_epsilon12", "random_mask_noise", "xvat_inductive_noise"}
    assert masks | trained | controls | vat | both | {f"{b}_entropy" for b in both} <= rows


@pytest.mark.parametrize("name", [name for name in _FILES if "_kept" in name])
def test_the_share_of_kept_pixels_is_the_gate_s(name):
    # P(z > 0) = sigmoid(a - beta log(-gamma / zeta)) = sigmoid(a + .66 log 11), and a ~ N(mean, 1).
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    mean = _values(name).log_alpha_mean
    kept = np.sum(weights * special.expit(mean + nodes + 0.66 * np.log(11))) / np.sum(weights)
    (share,) = re.findall(r"_kept(\d+)", name)
    assert f"{kept:.2f}" == f"0.{share}"
    assert f"keeps {share} % of the pixels" in _header(name)
    assert f"N({mean:.0f}, 1) is {kept:.2f};" in _header(name)


def test_untrained_masks_stand_still_and_noise_has_no_adversary():
    for data in ("digits", "mnist"):
        for form in ("inductive", "transductive"):
            assert _values(f"{data}_xvat_{form}_untrained").mask_learning_rate == 0.0
        for name in ("noise", "noise_epsilon8", "random_mask_noise", "xvat_inductive_noise"):
            assert _values(f"{data}_{name}").num_power_iterations == 0


@pytest.mark.parametrize("data", ["digits", "mnist"])
@pytest.mark.parametrize("row", ["mle", "vat", "random_mask"])
def test_what_others_are_compared_with_comes_first_of_its_method(data, row):
    # A table compares with the first row of a label; rows of one label stand in their files' order.
    label = experiment_lib.from_flags(_values(f"{data}_{row}")).label
    own = [n for n in _FILES if n.startswith(data)]
    labels = [experiment_lib.from_flags(_values(name)).label for name in own]
    assert own[labels.index(label)] == f"{data}_{row}"
