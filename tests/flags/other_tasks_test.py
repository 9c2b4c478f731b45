"""The tables of other tasks: each run is one on a hundred labeled digits, but for its task."""

import pathlib

import pytest

import flags
from trainers.settings import experiment as experiment_lib

_ROOT = pathlib.Path(flags.__file__).parent / "experiments"
_TASKS = {
    "digits_1000": {"num_labeled": 1000},
    "digits_supervised": {"num_labeled": 0},
    "cifar10_cnn": {
        **dict(dataset="cifar10", num_labeled=4000, model="mnist_cnn"),
        **dict(train_steps=2000, steps_per_epoch=500),
    },
}
# Rows that tell consistency, masking and training of the mask apart (docs/ablations.md).
_ROWS = {"mle", "vat", "noise_epsilon8", "random_mask", "random_mask_vat", "xvat_transductive"} | {
    f"xvat_inductive{what}" for what in ("", "_untrained", "_vat")
}
# AT and xAT see labeled digits alone: with a hundred labels they have a table of their own.
_MORE_ROWS = {
    "digits_supervised": {"at", "xat_inductive", "xat_transductive"},
    "cifar10_cnn": {"vat_epsilon2"},
}


def _values(file):
    return experiment_lib.parse([f"--flagfile={file}", "--workdir=w"])


def _with_a_hundred(row):
    file = _ROOT / "ablations" / f"digits_{row}.flags"
    return file if file.exists() else _ROOT / "digits_all" / f"{row}.flags"


@pytest.mark.parametrize("table", _TASKS)
def test_runs_are_those_of_a_hundred_labels_but_for_the_task(table):
    files = {file.stem: file for file in (_ROOT / table).glob("*.flags")}
    assert set(files) == _ROWS | _MORE_ROWS.get(table, set())
    for row, file in files.items():
        own, hundred = _values(file), _values(_with_a_hundred(row))
        names = experiment_lib.all_names()
        differing = {n: own[n].value for n in names if own[n].value != hundred[n].value}
        assert differing == _TASKS[table]
