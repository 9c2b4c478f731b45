import dataclasses
import json
import types

import pytest

from trainers.benchmarking import peak, roofline, step_timing
from trainers.benchmarking.timed_step import Setting

SETTING = Setting("mlp", (4, 4, 1), 2, 3, num_labeled=5, num_pool=7)
RATE = peak.Rate("matmul", "float32", 1.0, 50.0)


@pytest.fixture
def calls(monkeypatch):
    """What is measured, in order; nothing is really measured, and each timing is a second more."""
    made = []

    class Step:
        def __init__(self, name, *_):
            self.name = name
            self.method = types.SimpleNamespace(backward_passes=2)

        def count(self):
            return 1000

        def count_forward(self, batch_size):
            return 100 * batch_size

        def floor(self, gflops, gigabytes):
            made.append(f"{self.name} at {gflops:g} and {gigabytes:g}")
            return roofline.Floor(1.0, 2.0)

        def busy(self):
            return None

        def _time(self, kind):
            made.append(f"{self.name} {kind}")
            return float(len(made))

        def time_bare(self):
            return self._time("bare")

        def time_loop(self):
            return self._time("loop")

    def measure(dtypes, seconds_per_dtype):
        made.append(f"peak {dtypes} {seconds_per_dtype:g}")
        return [RATE]

    monkeypatch.setattr(step_timing, "TimedStep", Step)
    monkeypatch.setattr(peak, "measure", measure)
    copies = iter((7.0, 9.0))  # The better one counts.
    monkeypatch.setattr(peak, "measure_copy", lambda: next(copies))
    return made


def _compare(**kwargs):
    return step_timing.compare(SETTING, ["mle", "vat"], report=lambda line: None, **kwargs)


def test_methods_take_turns_between_two_measurements_of_the_peak(calls):
    measured = _compare(repeats=4, seconds=60.0)
    turn = ["mle bare", "mle loop", "vat bare", "vat loop"]
    warm_up = ["mle loop", "mle bare", "vat loop", "vat bare"]
    peak_call = ["peak ['float32'] 10"]
    floors = [f"{name} at 50 and 9" for name in ("mle", "vat")]
    assert calls == [*peak_call, *warm_up, *4 * turn, *peak_call, *floors]
    assert measured["copy"] == 9.0
    assert measured["rates"] == [dataclasses.asdict(RATE)] * 2
    assert measured["rows"][1] == {
        "method": "vat",
        "operations": 1000,
        "forward_operations": 300,
        "backward_passes": 2,
        "bare": [8.0, 12.0, 16.0, 20.0],
        "loop": [9.0, 13.0, 17.0, 21.0],
        "floor": {"gigabytes": 1.0, "milliseconds": 2.0},
        "busy": None,
    }


# What is in use before the first method is the pool, before the second that and the first one's 60.
def test_a_gpus_memory_is_what_each_method_would_need_alone(calls, monkeypatch):
    in_use, most = iter((100, 100, 160)), iter((150, 230))
    monkeypatch.setattr(peak, "restart_memory", lambda: next(in_use))
    monkeypatch.setattr(peak, "peak_memory_bytes", lambda: next(most))
    rows = _compare(repeats=3, seconds=1e-9)["rows"]
    assert [row["peak_memory_bytes"] for row in rows] == [150, 230 - 60]


def test_time_is_bounded_and_three_rounds_always_taken(calls):
    assert [len(row["bare"]) for row in _compare(repeats=9, seconds=1e-9)["rows"]] == [3, 3]


def test_the_child_speaks_json(calls, capsys):
    task = {"setting": dataclasses.asdict(SETTING), "repeats": 3, "seconds": 60.0}
    step_timing.main(["", json.dumps({**task, "kind": "times", "methods": ["mle"]})])
    *progress, result = capsys.readouterr().out.splitlines()
    assert "mle: compiling" in progress
    assert [row["method"] for row in json.loads(result)["rows"]] == ["mle"]
    step_timing.main(["", json.dumps({**task, "kind": "memory", "methods": ["mle"]})])
    assert 50e6 < json.loads(capsys.readouterr().out)["bytes"] < 1e12
