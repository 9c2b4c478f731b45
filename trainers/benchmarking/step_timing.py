"""Times the steps of methods against each other and against the machine: the benchmark's child.

A machine's speed drifts by more than the differences that matter. So what is compared is measured
in turns, in one process: in each round every method takes a few bare steps and a few of the loop's,
and ratios are taken within a round. Memory asks for the opposite: the peak of a process never
falls, so that each method needs a process of its own, but for a GPU's, which is counted anew.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras

from trainers.benchmarking import peak
from trainers.benchmarking.timed_step import Setting, TimedStep, make_data

FEWEST_ROUNDS = 3
_PEAK_SECONDS = 10.0
_SECONDS_BETWEEN_REPORTS = 10.0


def compare(
    setting: Setting,
    names: Sequence[str],
    *,
    repeats: int,
    seconds: float,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Times methods in turns, and the machine's peak before and after.

    Args:
        setting: what they train; its precision must be Keras's policy already.
        names: of flags.benchmark.TIMED.
        repeats: rounds to take at most, at least `FEWEST_ROUNDS`.
        seconds: time to spend on each method's rounds, about; `FEWEST_ROUNDS` are always taken.
        report: called with a line of progress now and then.

    Returns:
        {"rates": the kernels' rates, "copy": that of a copy, in GB/s; "rows": one dict a method:
        its name as "method", "operations" and "backward_passes" of a step, "forward_operations" of
        one forward pass of the unlabeled batch, "bare" and "loop", seconds per step in each round
        (the loop's in both with XLA); "floor", the least time and bytes of a step at these rates
        (`roofline.Floor`); "busy", the share of the loop's time in which the GPU is at work, None
        without one; with one also "peak_memory_bytes"}.
    """

    def measure_peak() -> list[peak.Rate]:
        report("measuring the machine's peak")
        return peak.measure([setting.dtype], seconds_per_dtype=min(seconds, _PEAK_SECONDS))

    rates = measure_peak()
    copy = peak.measure_copy()
    pool, sampler = make_data(setting)
    pool_bytes = peak.restart_memory() or 0
    steps: list[TimedStep] = []
    rows: list[dict[str, Any]] = []
    for name in names:
        report(f"{name}: compiling")
        before = peak.restart_memory()
        step = TimedStep(name, setting, pool, sampler)
        rows.append(
            {
                "method": name,
                "operations": step.count(),
                "forward_operations": step.count_forward(setting.unlabeled_batch_size),
                "backward_passes": step.method.backward_passes,
                "bare": [],
                "loop": [],
            }
        )
        # The loop's first call goes first, or a step that compiles would choose for many.
        step.time_loop()
        step.time_bare()
        steps.append(step)
        if before is not None:
            # Alone it would have had the pool as well, and not what came before it.
            rows[-1]["peak_memory_bytes"] = peak.peak_memory_bytes() - before + pool_bytes
    _take_rounds(steps, rows, repeats, seconds * len(names), report)
    rates += measure_peak()
    copy = max(copy, peak.measure_copy())
    best = max(rate.gflops for rate in rates)
    for step, row in zip(steps, rows, strict=True):
        row["floor"] = dataclasses.asdict(step.floor(gflops=best, gigabytes=copy))
        row["busy"] = step.busy()
    return {"rates": [dataclasses.asdict(rate) for rate in rates], "copy": copy, "rows": rows}


def _take_rounds(
    steps: Sequence[TimedStep],
    rows: Sequence[dict[str, Any]],
    repeats: int,
    seconds: float,
    report: Callable[[str], None],
) -> None:
    start = last_report = time.perf_counter()
    for i in range(1, repeats + 1):
        for step, row in zip(steps, rows, strict=True):
            row["bare"].append(step.time_bare())
            row["loop"].append(step.time_loop())
            if i == 1 or time.perf_counter() - last_report > _SECONDS_BETWEEN_REPORTS:
                last_report = time.perf_counter()
                pace = 1000 * row["bare"][-1]
                report(f"{step.name}: round {i} of at most {repeats}, {pace:.1f} ms/step")
        spent = time.perf_counter() - start
        if i >= FEWEST_ROUNDS and spent + spent / i > seconds:
            return


def measure_memory(setting: Setting, name: str) -> int:
    """Peak memory in bytes of this process, once the loop has taken steps of one method.

    See `peak.peak_memory_bytes`; meant for a process that has done nothing else.
    """
    step = TimedStep(name, setting, *make_data(setting))
    for _ in range(2):
        step.time_loop()
    return peak.peak_memory_bytes()


def main(argv: Sequence[str]) -> None:
    """Reads from argv[1], as JSON, what to measure; writes lines of progress, then a line of JSON.

    The JSON holds "kind" ("times" or "memory"), "setting", "methods", "repeats" and "seconds".
    """
    task = json.loads(argv[1])
    fields = task["setting"]
    setting = Setting(**{**fields, "image_shape": tuple(fields["image_shape"])})
    keras.config.set_dtype_policy(setting.precision)
    if task["kind"] == "memory":
        result = {"bytes": measure_memory(setting, *task["methods"])}
    else:
        result = compare(
            setting,
            task["methods"],
            repeats=task["repeats"],
            seconds=task["seconds"],
            report=lambda line: print(line, flush=True),
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv)
