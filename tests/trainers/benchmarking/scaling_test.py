import dataclasses
import pathlib

import pytest

from trainers.benchmarking import scaling

_COSTS = {cost.label: cost for cost in scaling.COSTS}
_PAGE = pathlib.Path(__file__).parents[3] / "docs" / "scaling.md"
# Numbers small enough to work out by hand.
_TASK = scaling.Task(
    images=10,
    side=2,
    channels=3,
    classes=5,
    weights=100,
    operations=6.0,
    normalizations=7,
    labeled=1,
    unlabeled=2,
)


def test_the_page_has_the_tables_of_today():
    page = _PAGE.read_text()
    for table in (scaling.memory_table(), scaling.sums_table(), scaling.scaling_table()):
        assert table in page


def test_memory():
    # Weights, gradient, m and v of 4 bytes; the teacher's weights.
    assert scaling.classifier_bytes(_TASK, _COSTS["VAT"]) == 1600
    assert scaling.classifier_bytes(_TASK, _COSTS["Mean teacher"]) == 2000
    # Ten rows of 2x2 log_alpha, m, v and a visit; of 5 classes twice, a count and an epoch.
    assert scaling.rows_bytes(_TASK, _COSTS["xVAT-T"]) == 10 * 13 * 4
    assert scaling.rows_bytes(_TASK, _COSTS["Temporal ensembling"]) == 10 * 12 * 4
    assert scaling.rows_bytes(_TASK, _COSTS["xVAT-I"]) == 0
    assert scaling.pool_bytes(_TASK) == 10 * 2 * 2 * 3 * 4
    # Half of 3720 bytes less 1600 for the classifier: 260 bytes, 5 rows of 52.
    assert scaling.rows_that_fit(_TASK, _COSTS["xVAT-T"], 3720) == 5


def test_bytes_of_sums():
    # Two GPUs: each sends half of twice the gradient, and its own rows.
    assert scaling.summed_bytes(_TASK, _COSTS["MLE"], 2) == 400
    assert scaling.summed_bytes(_TASK, _COSTS["xVAT-T"], 2) == 400 + 2 * (4 + 1) * 4
    assert scaling.summed_bytes(_TASK, _COSTS["MLE"], 1) == 0


def test_number_of_sums():
    # 7 normalisations, two sums each: forward 3 passes and backward 2; and 4 of the step.
    assert scaling.sums(_TASK, _COSTS["xVAT-I"]) == 2 * 7 * 5 + 4
    assert scaling.sums(_TASK, _COSTS["xVAT-T"]) == 2 * 7 * 5 + 6


def test_seconds():
    machines = scaling.Machines(
        gpus=2, rate=10.0, memory=1.0, bandwidth=(100.0, 10.0), latency=(1.0, 2.0)
    )
    mle = _COSTS["MLE"]
    # Forward and backward of one image: 3 * 6 operations at 10 a second.
    assert scaling.step_seconds(_TASK, mle, machines, 1) == pytest.approx(1.8)
    sums = 2 * 7 * 2 + 4
    two = scaling.step_seconds(_TASK, mle, machines, 2)
    assert two == pytest.approx(1.8 + 400 / 100 + sums)
    four = scaling.step_seconds(_TASK, mle, machines, 4)
    assert four == pytest.approx(1.8 + 600 / 10 + 2 * sums)
    # 3 * 1 labeled and 4 * 2 unlabeled passes.
    assert scaling.step_seconds(_TASK, _COSTS["xVAT-I"], machines, 1) == pytest.approx(6.6)


def test_what_the_page_says_of_imagenet():
    task, table = scaling.IMAGENET, _COSTS["xVAT-T"]
    page = _PAGE.read_text()
    assert round(scaling.pool_bytes(task) / 1e9) == 771 and "would be 771 GB" in page
    assert round(scaling.rows_bytes(task, table) / 64 / 1e9) == 12 and "need 12 GB" in page
    assert f"those of {scaling.rows_that_fit(task, table, 80e9):,}." in page.replace("\n", " ")
    small = dataclasses.replace(task, side=32)
    assert f"{scaling.rows_that_fit(small, table, 80e9) / 1e6:.1f}" == "3.2"
    assert "holds the rows of 3.2 million" in page
