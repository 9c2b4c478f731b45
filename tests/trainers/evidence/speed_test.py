import json

import pytest

from trainers.benchmarking import child
from trainers.errors import UsageError
from trainers.evidence import speed

_ABOUT = {"hardware": "a machine", "cores_used": "2", "commit": "abc", "tensorflow": "2"}


def test_sizes_are_those_of_the_flagfiles():
    sizes, names = speed.plan([], [])
    # Batches and epochs of the released scripts of xVAT; CIFAR-100 is supervised.
    assert [
        (s.dataset, s.setting["labeled_batch_size"], s.setting["unlabeled_batch_size"],
         s.steps_per_epoch, s.setting["model"])
        for s in sizes
    ] == [
        ("mnist", 100, 250, 500, "mlp"),
        ("svhn", 32, 128, 400, "conv_large"),
        ("cifar10", 32, 128, 400, "conv_large"),
        ("cifar100", 100, 0, 400, "conv_large"),
    ]  # fmt: skip
    assert sizes[3].setting["num_labeled"] == sizes[3].setting["num_pool"] == 50_000
    assert names == ["vat", "xvat_transductive", "xvat_inductive"]


def test_some_of_them_in_the_tables_order():
    sizes, names = speed.plan(["cifar10", "mnist"], ["xvat_inductive", "vat"])
    assert [size.dataset for size in sizes] == ["cifar10", "mnist"]
    assert names == ["vat", "xvat_inductive"]
    for arguments in ((["mnst"], []), ([], ["mle"])):
        with pytest.raises(UsageError, match=r"must name some of .* for --table=speed. Received"):
            speed.plan(*arguments)


def _size(dataset="mnist", steps=500, **methods):
    setting = {"labeled_batch_size": 100, "unlabeled_batch_size": 250}
    return {"dataset": dataset, "setting": setting, "steps_per_epoch": steps, "methods": methods}


def test_an_epoch_is_its_steps_and_ratios_are_medians_of_rounds():
    # Medians 0.02 and 0.01 s: 10 s and 5 s an epoch. Ratios by round 1/1, 1/2 and 3/4: 0.75, which
    # is not that of the medians.
    size = _size(vat=[0.01, 0.02, 0.04], xvat_inductive=[0.01, 0.01, 0.03])
    table = speed.cells({**_ABOUT, "sizes": [size]})
    assert table.columns == ["data", "batch", "steps", "VAT s", "xVAT-I s", "xVAT-I / VAT"]
    assert table.rows == [["mnist", "100 + 250", "500", "≈ 10", "≈ 5", "0.75"]]
    assert "extrapolated from 3 rounds" in table.notes[0]
    assert table.notes[2] == "a machine; 2 cores used; commit abc; tensorflow 2."


def test_long_epochs_are_written_as_people_write_them():
    # 400 steps of 5.804 s: 2321.6 s, to three digits.
    table = speed.cells({**_ABOUT, "sizes": [_size("svhn", 400, vat=[5.804])]})
    assert table.rows[0][3] == "≈ 2,320"


def test_without_vat_there_is_nothing_to_compare_with():
    table = speed.cells({**_ABOUT, "sizes": [_size(xvat_inductive=[0.01])]})
    assert table.columns[-1] == "xVAT-I s"


def test_earlier_and_now():
    now = {**_ABOUT, "sizes": [_size(vat=[0.01]), _size("svhn", vat=[0.01])]}
    other = _size("svhn", vat=[1.0])
    other["setting"]["labeled_batch_size"] = 32  # Another setting is no comparison.
    old = {**_ABOUT, "commit": "old", "sizes": [_size(vat=[0.04]), other]}
    table = speed.comparison(now, old)
    assert table.rows == [["mnist", "VAT", "20", "5", "0.25"]]
    assert table.notes == ["Then: a machine, commit old."]


def test_what_is_measured_is_asked_of_the_benchmarks_child(monkeypatch):
    tasks = []

    def run(module, task, *, what):
        tasks.append((module, task, what))
        return {"rows": [{"method": "vat", "loop": [0.5], "bare": [0.4]}]}

    monkeypatch.setattr(child, "run", run)
    (size,), names = speed.plan(["mnist"], ["vat"])
    measured = speed.measure(size, names, repeats=3, seconds=1.0, jit=True)
    # The loop's steps are those of training.
    assert measured["methods"] == {"vat": [0.5]} and measured["dataset"] == "mnist"
    ((module, task, what),) = tasks
    assert (module, what) == ("trainers.benchmarking.step_timing", "mnist")
    assert (task["kind"], task["repeats"], task["seconds"]) == ("times", 3, 1.0)
    assert task["setting"]["jit"] and task["setting"]["model"] == "mlp"


def test_only_a_report_can_be_compared_with(tmp_path):
    with pytest.raises(UsageError, match=r"--compare must name a file of --output. Received"):
        speed.read(str(tmp_path / "none.json"))
    (tmp_path / "other.json").write_text(json.dumps({"settings": []}))
    with pytest.raises(UsageError, match=r"is damaged \(it lacks sizes"):
        speed.read(str(tmp_path / "other.json"))
