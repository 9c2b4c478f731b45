import importlib
import re

import pytest

from trainers.reports import tables


def test_what_to_type_next_exists(capsys):
    tables.print_next_commands("runs/my run")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "TensorBoard logs: runs/my run/train and runs/my run/eval"
    assert lines[1].startswith("Next: ") and lines[1].endswith("'--logdir=runs/my run'")
    programs = [re.search(r"python\S* -m (trainers\.\w+) (.*)", line) for line in lines[2:]]
    assert [found.groups() for found in programs] == [
        ("trainers.evaluate", "--workdir='runs/my run'"),
        ("trainers.export", "--workdir='runs/my run' --output='runs/my run/saved_model'"),
    ]
    for found in programs:
        assert callable(importlib.import_module(found[1]).main)


def _result(now, images, best=0.9):
    return {
        "method": "xVAT-I",
        "seed": 2,
        "test_accuracy": 0.5,
        "validation_accuracy": now,
        "validation_images": images,
        "best_validation": {"accuracy": best, "step": 3500},
        "milliseconds_per_step": 1.0,
        "train_steps": 15000,
        "backward_passes": 1,
    }


# At a mean of 85 % three standard errors of a difference are 3 sqrt(2 x 0.85 x 0.15 / n), which is
# 0.1 at n = 229.5.
@pytest.mark.parametrize(("images", "fell"), [(229, False), (230, True)])
def test_a_fall_that_chance_does_not_explain_is_told(capsys, images, fell):
    result = _result(0.8, images)
    tables.print_result_line(result)
    tables.print_results([("runs/a b", result)])
    line, *rest = capsys.readouterr().out.splitlines()
    told = "validation fell from 90.00 % at step 3500 to 80.00 %"
    assert line == "xVAT-I: test accuracy 50.00 %" + (f"; {told}" if fell else "")
    assert (f"xVAT-I, seed 2: {told}." in rest) == fell
    assert any(each.endswith("--workdir='runs/a b' --weights=best") for each in rest) == fell


def test_a_run_without_validation_or_of_before_has_no_fall(capsys):
    tables.print_result_line({**_result(None, 0), "best_validation": None})
    before = _result(0.1, 1000)
    del before["best_validation"], before["validation_images"]
    tables.print_result_line(before)
    assert capsys.readouterr().out == 2 * "xVAT-I: test accuracy 50.00 %\n"
