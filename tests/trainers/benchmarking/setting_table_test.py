import io

import pytest
from rich import console

from trainers.benchmarking import setting_table
from trainers.benchmarking.timed_step import Setting

SETTING = Setting("conv_large", (32, 32, 3), 32, 128, num_labeled=4_000, num_pool=50_000)


def _row(method, bare, loop, operations):
    return {
        "method": method,
        "operations": operations,
        "forward_operations": 2e9,
        "backward_passes": 2,
        "floor": {"gigabytes": 1.0, "milliseconds": 100.0},
        "busy": None,
        "bare": bare,
        "loop": loop,
        "peak_memory_bytes": 1_234_000_000,
    }


MEASURED = {
    "copy": 20.0,
    "rates": [
        {"kernel": "matmul 2048^3", "dtype": "float32", "milliseconds": 1.0, "gflops": 40.0},
        {"kernel": "  its input's gradient", "dtype": "float32", "milliseconds": 1, "gflops": 50.0},
    ],
    "rows": [
        _row("vat", [0.4, 0.8, 0.2], [0.4, 1.0, 0.1], 8e9),
        _row("xvat_inductive", [0.2, 0.4, 0.15], [0.2, 0.4, 0.15], 6e9),
        _row("xvat_transductive", [0.3, 0.4, 0.15], [0.2, 0.4, 0.15], 6e9),
    ],
}


# VAT: median of 0.4, 0.8, 0.2 s is 0.4 s, 8 GFLOP in it are 20 GFLOP/s, 0.4 of the best, 50; 8e9 is
# four forward passes, and the floor of 100 ms a quarter of 400. Throughputs of the loop over the
# bare step's, round by round: 1, 0.8, 2. xVAT-I over VAT: 0.5, 0.5, 0.75, whose median is 0.5,
# while the medians' ratio is 0.2/0.4 as well; VAT over xVAT-T: 4/3, 2, 4/3, whose median is 4/3, as
# is 0.4/0.3.
def test_summary_in_numbers():
    summary = setting_table.summarize(SETTING, MEASURED)
    assert summary["peak"]["gflops"] == 50.0
    assert (summary["model"], summary["num_pool"]) == ("conv_large", 50_000)
    vat, inductive, transductive = summary["rows"]
    assert vat["milliseconds"] == pytest.approx(400.0)
    assert vat["loop_milliseconds"] == pytest.approx(400.0)
    assert vat["gflops"] == pytest.approx(20.0)
    assert vat["share_of_peak"] == pytest.approx(0.4)
    assert vat["share_of_floor"] == pytest.approx(0.25)
    assert vat["forward_passes"] == pytest.approx(4.0)
    assert vat["loop_throughput"] == pytest.approx(1.0)
    assert vat["ratio_to"]["xvat_transductive"] == pytest.approx(4 / 3)
    assert inductive["ratio_to"]["vat"] == pytest.approx(0.5)
    assert transductive["ratio_to"]["xvat_inductive"] == pytest.approx(1.0)
    assert vat["bare"] == [0.4, 0.8, 0.2]


def _print(measured):
    screen = console.Console(width=100, file=io.StringIO(), record=True)
    screen.print(setting_table.make_table(SETTING, setting_table.summarize(SETTING, measured)))
    return screen.export_text().splitlines()


def test_table_fits_100_columns_even_with_large_numbers():
    slow = [
        {**row, "bare": [98.7654], "loop": [98.7654], "operations": 123_456e9, "busy": 0.5}
        for row in MEASURED["rows"]
    ]
    lines = _print({**MEASURED, "rows": slow})
    assert max(len(line.rstrip()) for line in lines) <= 100
    cells = next(line for line in lines if "xVAT-T" in line).split()
    assert {"98765", "123456", "50.0"} <= set(cells)
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("number", "shown"), [(0.3456, "0.346"), (8.765, "8.77"), (45.67, "45.7"), (98765.4, "98765")]
)
def test_a_time_has_the_digits_of_a_measurement(number, shown):
    row = _row("vat", [number / 1000], [1.0], 8e9)
    lines = _print({**MEASURED, "rows": [row]})
    assert next(line for line in lines if line.split()[:1] == ["VAT"]).split()[1] == shown


def test_table_says_what_was_measured_and_compares_only_what_is_there():
    text = "\n".join(_print(MEASURED))
    assert "conv_large, float32, jit off: 32 + 128 images of 32x32x3, pool of 50,000" in text
    assert "peak: 50.0 GFLOP/s, its input's gradient, float32; copy: 20.0 GB/s" in text
    assert "loop %" in text and "busy %" not in text
    on_gpu = "\n".join(_print({**MEASURED, "rows": [{**MEASURED["rows"][0], "busy": 0.925}]}))
    assert "loop %" not in on_gpu and "busy %" in on_gpu and " 92.5 " in on_gpu
    assert "xVAT-T takes 1.000 of xVAT-I's time" in text
    alone = "\n".join(_print({**MEASURED, "rows": MEASURED["rows"][2:]}))
    assert "xVAT-T takes" not in alone
    assert next(line for line in alone.splitlines() if "xVAT-T" in line).split()[2] == "-"
