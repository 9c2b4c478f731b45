import io

import pytest
from rich import console

from trainers.benchmarking import experiment_table

FOLDER = "flags/experiments/semi_supervised"
MEASURED = {
    "method": "VAT",
    "model": "conv_large",
    "labeled_batch_size": 32,
    "unlabeled_batch_size": 128,
    "steps": 20,
    "operations": 12e9,
    "seconds": [0.4, 0.8, 0.2],
    "rates": [
        {"kernel": "matmul 2048^3", "dtype": "float32", "milliseconds": 1.0, "gflops": 40.0},
        {"kernel": "  its input's gradient", "dtype": "float32", "milliseconds": 1, "gflops": 50.0},
    ],
    "reference": {"batch_size": 128, "operations": 6e9, "seconds": [0.25, 0.4, 0.05]},
}


# The median of 0.4, 0.8, 0.2 s is 0.4 s; 12 GFLOP in it are 30 GFLOP/s, 0.6 of the best, 50. Plain
# steps: 6 GFLOP in 0.25 s are 24 GFLOP/s, at which 12 GFLOP take 0.5 s. Twice the operations should
# take twice the time; it took 1.6, 2 and 4 times, 0.8, 1 and 2 of that: 1 in the median.
def test_summary_in_numbers():
    summary = experiment_table.summarize(MEASURED)
    assert summary["milliseconds"] == pytest.approx(400.0)
    assert summary["gflops"] == pytest.approx(30.0)
    assert summary["peak"]["gflops"] == 50.0
    assert summary["share_of_peak"] == pytest.approx(0.6)
    assert summary["reference"]["gflops"] == pytest.approx(24.0)
    assert summary["predicted_milliseconds"] == pytest.approx(500.0)
    assert summary["of_predicted"] == pytest.approx(1.0)
    assert summary["reference"]["batch_size"] == 128
    assert summary["seconds"] == MEASURED["seconds"]


def _print(*rows):
    screen = console.Console(width=100, file=io.StringIO(), record=True)
    for table in experiment_table.make_tables(rows):
        screen.print(table)
    return screen.export_text().splitlines()


def _row(flagfile=f"{FOLDER}/cifar10_vat.flags", **changes):
    return {**experiment_table.summarize({**MEASURED, **changes}), "flagfile": flagfile}


def test_a_table_for_each_folder():
    lines = _print(_row(), _row("other/a.flags", unlabeled_batch_size=0))
    assert [line.rstrip() for line in lines if "steps each" in line] == [
        f"{FOLDER}: 20 steps each", "other: 20 steps each"
    ]  # fmt: skip
    rows = [" ".join(line.split()) for line in lines if line.strip().startswith("VAT")]
    assert [("32 + 128" in row, "32 + 0" in row) for row in rows] == [(True, False), (False, True)]
    for number in ("400.0", "12.00", "30.0", "60.0", "500.0", "1.00"):
        assert all(number in row.split() for row in rows)
    assert "peak: 50.0 to 50.0 GFLOP/s, measured beside each row" in "\n".join(lines)


def test_where_a_method_repeats_its_flagfile_tells_it_apart():
    lines = _print(_row(), _row(f"{FOLDER}/svhn_vat.flags"))
    first = [line.split()[0] for line in lines if "conv_large" in line]
    assert first == ["cifar10_vat", "svhn_vat"]


def test_large_numbers_and_long_names_fit_100_columns():
    large = {"seconds": [98.7654] * 3, "operations": 23_456e9}
    names = {"method": "Temporal Ensembling", "model": "conv_large_weight_norm"}
    lines = _print(_row(**large, **names))
    assert max(len(line.rstrip()) for line in lines) <= 100
    (cells,) = [line.split() for line in lines if "conv_large_weight_norm" in line]
    assert {"98765.4", "23456.00"} <= set(cells)
