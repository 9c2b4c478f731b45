import copy

import pytest

from trainers.explaining import pooling


def _interval(mean):
    return {"mean": mean, "low": 0.0, "high": 1.0}


def _report(seed, area, *, deletion_of_minus=0.1, leak=0.5):
    measured = {
        "area": _interval(area),
        "agreement_area": _interval(0.9),
        "minus_random": _interval(area - 0.5),
        "curve": {"mean": [1.0, area], "low": [0.0, 0.0], "high": [1.0, 1.0]},
    }
    row = {"explanation": "mask", "judge": "classifier", "switched_off": "zero"}
    return {
        "workdir": f"run/seed_{seed}",
        "seed": seed,
        **{name: name for name in ("method", "model", "dataset", "scaling")},
        "num_images": 5,
        "counts": [0, 1],
        "accuracy": 0.8 + seed / 100,
        "referees": {
            "zero": {"workdir": f"r{seed}", "fill": "zero", "same_way": True, "accuracy": 0.5}
        },
        "signs_on_validation": {"mask": {"-log_alpha": deletion_of_minus, "+log_alpha": 0.2}},
        "notes": ["No Grad-CAM."],
        "leaks": [{"seen": "mask", "accuracy": None if leak is None else _interval(leak)}],
        "rows": [{**row, "deletion": measured, "insertion": copy.deepcopy(measured)}],
        "seconds": 10.0,
    }


def test_means_and_students_interval_over_runs():
    found = pooling.pool([_report(seed, area) for seed, area in ((1, 0.1), (2, 0.2), (3, 0.3))])
    (row,) = found["rows"]
    # t(0.975, 2) = 4.302653, s = 0.1: 0.248414 to each side, and no area lies below 0.
    area = row["deletion"]["area"]
    assert area == {"mean": 0.2, "low": 0.0, "high": pytest.approx(0.44841)}
    difference = row["insertion"]["minus_random"]
    assert difference == {"mean": -0.3, "low": pytest.approx(-0.54841), "high": -0.05159}
    curve = row["deletion"]["curve"]
    assert curve["mean"] == [1.0, 0.2] and curve["low"] == [1.0, 0.0]
    assert row["deletion"]["agreement_area"] == {"mean": 0.9, "low": 0.9, "high": 0.9}
    assert found["leaks"] == [{"seen": "mask", "accuracy": {"mean": 0.5, "low": 0.5, "high": 0.5}}]
    assert found["seeds"] == [1, 2, 3] and found["workdirs"][0] == "run/seed_1"
    assert found["accuracy"] == pytest.approx(0.82)
    assert found["referees"]["zero"]["workdirs"] == ["r1", "r2", "r3"]
    assert found["notes"] == ["No Grad-CAM."]  # Of signs nothing: all runs agree.


def test_runs_that_turn_a_mask_round_are_counted():
    reports = [_report(1, 0.1), _report(2, 0.2, deletion_of_minus=0.3), _report(3, 0.3, leak=None)]
    found = pooling.pool(reports)
    assert found["notes"][1:] == ["mask: turned round in 1 of 3 runs, by validation."]
    assert found["leaks"] == [{"seen": "mask", "accuracy": None}]
    reports[1]["signs_on_validation"] = reports[0]["signs_on_validation"]
    assert pooling.pool(reports)["notes"] == ["No Grad-CAM."]


def test_runs_with_other_explanations_are_refused():
    reports = [_report(1, 0.1), _report(2, 0.2)]
    reports[1]["rows"][0]["explanation"] = "RISE"
    with pytest.raises(ValueError, match="the same explanations. Received: .*RISE"):
        pooling.pool(reports)
