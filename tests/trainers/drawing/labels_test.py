import pytest

from trainers.drawing import labels
from trainers.settings import experiment as experiment_lib

_VAT = ("--method=vat",)
_MASKED = ("--method=xvat", "--mask=inductive")


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([_VAT, _MASKED], ["VAT", "xVAT-I"]),
        ([_VAT, (*_VAT, "--seed=2"), _MASKED], ["VAT, seed 1", "VAT, seed 2", "xVAT-I"]),
        (
            [_VAT, (*_VAT, "--dataset=mnist"), (*_VAT, "--dataset=mnist", "--seed=3")],
            ["VAT, digits", "VAT, mnist, seed 1", "VAT, mnist, seed 3"],
        ),
        ([_VAT, (*_VAT, "--epsilon=3")], ["VAT, run0", "VAT, run1"]),
    ],
)
def test_what_tells_runs_apart_is_said_and_no_more(runs, expected):
    experiments = [
        experiment_lib.from_flags(
            experiment_lib.parse(["--dataset=digits", *flags, f"--workdir=run{number}"])
        )
        for number, flags in enumerate(runs)
    ]
    assert labels.unique(experiments) == expected
