"""The flagfiles with more labels: each is a run of 100 labels, but for their number."""

import pathlib

import pytest

import flags
from trainers.settings import experiment as experiment_lib

_ROOT = pathlib.Path(flags.__file__).parent / "experiments"
_LABELS = {"digits_1000": 1000, "digits_supervised": 0}
# Rows that tell consistency, masking and training of the mask apart (docs/ablations.md).
_ROWS = {"mle", "vat", "noise_epsilon8", "random_mask", "random_mask_vat", "xvat_transductive"} | {
    f"xvat_inductive{what}" for what in ("", "_untrained", "_vat")
}
# They see labeled digits alone: with a hundred labels they have a table of their own.
_SUPERVISED = {"at", "xat_inductive", "xat_transductive"}


def _values(file):
    return experiment_lib.parse([f"--flagfile={file}", "--workdir=w"])


def _with_a_hundred(row):
    table, name = ("digits_all", row) if row in _SUPERVISED else ("ablations", f"digits_{row}")
    return _ROOT / table / f"{name}.flags"


@pytest.mark.parametrize("table", _LABELS)
def test_runs_are_those_of_a_hundred_labels_with_more(table):
    files = {file.stem: file for file in (_ROOT / table).glob("*.flags")}
    assert set(files) == _ROWS | (_SUPERVISED if table == "digits_supervised" else set())
    for row, file in files.items():
        more, hundred = _values(file), _values(_with_a_hundred(row))
        differing = {n for n in experiment_lib.all_names() if more[n].value != hundred[n].value}
        assert differing == {"num_labeled"} and more.num_labeled == _LABELS[table]
