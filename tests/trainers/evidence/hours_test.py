import dataclasses
import json
import math

import pytest

from trainers.evidence import hours, planning


def test_hours_by_the_header_by_records_and_by_what_was_measured(make_digits, tmp_path):
    runs = planning.plan(
        "digits", str(tmp_path), {}, planning.Choice(methods=["vat"], seeds=[1, 2, 3])
    )
    # The header says 0.02 h for the whole run; half as many steps take half as long.
    assert hours.expected(runs[0], runs) == (pytest.approx(0.02), "header")
    half = dataclasses.replace(
        runs[0], experiment=dataclasses.replace(runs[0].experiment, train_steps=500)
    )
    assert hours.expected(half, runs) == (pytest.approx(0.01), "header")
    # The record's run took 12.5 ms a step.
    known = [make_digits("vat", 9, {0}), make_digits("mle", 9, {0})]
    assert hours.expected(runs[0], runs, known) == (pytest.approx(12.5 / 3600), "records")
    for run, pace in zip(runs[:2], [36.0, math.nan], strict=True):
        run.workdir.mkdir(parents=True)
        result = {"method": "VAT", "test_accuracy": 0.5, "milliseconds_per_step": pace,
                  "backward_passes": 2, "train_steps": 1000}  # fmt: skip
        (run.workdir / "result.json").write_text(json.dumps(result))
    # 1,000 steps of 36 ms are 36 s.
    assert hours.expected(runs[2], runs, known) == (pytest.approx(0.01), "here")


def test_hours_go_by_records_of_the_kind_of_hardware_that_is_here(
    make_digits, tmp_path, monkeypatch
):
    (run,) = planning.plan("digits", str(tmp_path), {}, planning.Choice(methods=["vat"]))

    def record(seed, hardware, pace):
        made = make_digits("vat", seed, {0})
        made.content["made_by"] = {**made.content["made_by"], "hardware": hardware}
        made.content["time"] = {**made.content["time"], "milliseconds_per_step": pace}
        return made

    cpu, gpu = record(8, "2 cores, AMD EPYC", 36.0), record(9, "1 x NVIDIA H200", 0.36)
    for has_gpu, factor, other in ((False, 1.0, gpu), (True, 0.01, cpu)):
        monkeypatch.setattr(hours, "_has_gpu", lambda there=has_gpu: there)
        expected = hours.expected(run, [run], [cpu, gpu, gpu])
        assert expected == (pytest.approx(0.01 * factor), "records")
        assert hours.expected(run, [run], [other]) == (pytest.approx(0.02), "header")


def test_the_plan_says_what_is_left(tmp_path, capfd):
    runs = planning.plan(
        "digits", str(tmp_path), {}, planning.Choice(methods=["mle", "vat"], seeds=[1, 2])
    )
    hours.show(runs)
    out = capfd.readouterr().out
    lines = [line.split() for line in out.splitlines() if line.startswith("digits/")]
    assert lines[1] == ["digits/vat", "0", "of", "2", "1,000", "0.02", "header", "0.04"]
    assert "0.08 hours left" in out and max(map(len, out.splitlines())) <= 80
