import json
import re

import pytest

from trainers.benchmarking import experiment_timing, peak
from trainers.run import assembly
from trainers.settings import experiment as experiment_lib

_DIGITS = ["--dataset=digits", "--num_labeled=100", "--model=mlp", "--workdir=nowhere"]
_FIRST = 784 * 1200
_ALL = _FIRST + 1200 * 1200 + 1200 * 10
# Multiply-adds an image of a plain step: a pass and two backward, but for the images' gradient.
_PLAIN = 3 * _ALL - _FIRST


@pytest.fixture(autouse=True)
def rate(monkeypatch):
    """The machine's peak as if measured."""
    made = peak.Rate("matmul", "float32", 1.0, 50.0)
    monkeypatch.setattr(peak, "measure", lambda dtypes, seconds_per_dtype: [made])
    return made


def _measure(*flags, steps):
    experiment = experiment_lib.from_flags(experiment_lib.parse([*_DIGITS, *flags]))
    return experiment_timing.measure(
        experiment, steps=steps, peak_seconds=1.0, report=lambda line: None
    )


# VAT: on the unlabeled images a clean pass, one forward and backward to the images, one forward and
# backward to the weights.
@pytest.mark.parametrize(
    ("flags", "label", "larger", "multiply_adds"),
    [
        (["--method=mle", "--unlabeled_batch_size=0"], "MLE", 4, 4 * _PLAIN),
        (["--method=vat"], "VAT", 6, 4 * _PLAIN + 6 * (_ALL + 2 * _ALL + _PLAIN)),
    ],
)
def test_operations_of_an_experiment_and_of_plain_steps(flags, label, larger, multiply_adds):
    sizes = ["--labeled_batch_size=4", "--unlabeled_batch_size=6"]
    measured = _measure(*sizes, *flags, steps=2)
    assert measured["operations"] == 2 * multiply_adds
    assert measured["reference"]["batch_size"] == larger
    assert measured["reference"]["operations"] == 2 * larger * _PLAIN
    assert (measured["method"], measured["model"], measured["dataset"]) == (label, "mlp", "digits")
    assert (measured["num_labeled"], measured["num_pool"]) == (100, 4000)


def test_steps_are_those_of_training_divided_into_rounds(tmp_path, monkeypatch, rate):
    monkeypatch.chdir(tmp_path)
    loops = []
    prepare = assembly.prepare

    def prepare_and_keep(experiment):
        loops.append(prepare(experiment)[1])
        return prepare(experiment)

    monkeypatch.setattr(assembly, "prepare", prepare_and_keep)
    flags = ["--method=mle", "--labeled_batch_size=4", "--unlabeled_batch_size=0"]
    measured = _measure(*flags, steps=7)
    assert len(measured["seconds"]) == len(measured["reference"]["seconds"]) == 5
    assert min(measured["seconds"] + measured["reference"]["seconds"]) > 0
    assert [one["gflops"] for one in measured["rates"]] == [rate.gflops] * 2
    (loop,) = loops
    rows = loop.run(8)  # The first one is not counted.
    assert measured["logs"] == loop.means([rows[1:]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--num_labeled=105", "--num_labeled must .*Received: --num_labeled=105"),
        ("--learning_rate=1e38", "The logs of mle must be finite. Received: (nan|inf)"),
    ],
)
def test_a_child_that_cannot_measure_says_why(flag, message, capsys):
    small = ["--method=mle", "--labeled_batch_size=4", "--unlabeled_batch_size=0"]
    task = {"arguments": [*_DIGITS, *small, flag], "steps": 1, "peak_seconds": 1.0}
    assert experiment_timing.main(["", json.dumps(task)]) == 1
    printed = capsys.readouterr()
    assert "{" not in printed.out
    assert re.match(f"error: {message}", printed.err)
