import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from trainers import errors, train
from trainers.errors import PreemptedError, UsageError
from trainers.run import assembly, predictions, restore, results
from trainers.run.run_directory import RunDirectory
from trainers.run.status import lock
from trainers.settings import experiment as experiment_lib
from trainers.work import train as work

SMALL = [
    "--dataset=tiny.npz",
    "--num_labeled=20",
    "--num_validation=30",
    "--labeled_batch_size=10",
    "--unlabeled_batch_size=20",
    "--train_steps=7",
    "--steps_per_epoch=3",
    "--log_every=2",
    "--checkpoint_every=4",
    "--quiet",
]


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny()


def _experiment(workdir, *arguments):
    values = experiment_lib.parse([*SMALL, f"--workdir={workdir}", *arguments])
    return experiment_lib.from_flags(values), experiment_lib.to_flagfile(values)


def _train(workdir, *arguments):
    experiment, flagfile = _experiment(workdir, *arguments)
    prepared, loop = assembly.prepare(experiment)
    directory = RunDirectory(experiment.workdir, flagfile)
    return train.train(experiment, prepared, loop, directory), loop


def test_a_run_leaves_what_it_promises(tmp_path):
    result, loop = _train(tmp_path / "run", "--method=xvat")
    assert loop.step == 7
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    assert result["test_accuracy"] > 0.9  # Brightness is learnt in a few steps.
    assert (result["backward_passes"], result["weights"]) == (1, "last")
    predicted, labels = predictions.read(tmp_path / "run")
    assert np.mean(predicted == labels) == result["test_accuracy"]
    assert labels.tolist() == [0, 1] * 25  # As make_tiny has them.
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    steps = [(line["step"], line["split"]) for line in lines]
    assert steps == [
        (2, "train"),
        (3, "validation"),
        (4, "train"),
        (6, "train"),
        (6, "validation"),
        (7, "train"),
        (7, "validation"),
        (7, "test"),
    ]
    logged = {"cross_entropy", "divergence", "l0", "objective", "kept_pixels"}
    logged |= {
        f"{kind}/{p}" for kind in ("gradient_norm", "learning_rate") for p in ("classifier", "mask")
    }
    assert logged <= set(lines[0])
    _, flagfile = _experiment("elsewhere", "--method=xvat")
    again = experiment_lib.parse([f"--flagfile={tmp_path}/run/config.flags"])
    assert experiment_lib.to_flagfile(again) == flagfile
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert (status["status"], status["step"], status["reason"]) == ("done", 7, None)
    assert sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir()) == ["4", "7"]
    accuracies = {line["step"]: line["accuracy"] for line in lines if line["split"] == "validation"}
    (best,) = (tmp_path / "run" / "best").iterdir()
    assert int(best.name) == max(accuracies, key=accuracies.get)  # The first of equals.
    for kind in ("train", "eval"):
        tags = {
            value.tag
            for events in (tmp_path / "run" / kind).glob("events.out.tfevents.*")
            for event in tf.compat.v1.train.summary_iterator(str(events))
            for value in event.summary.value
        }
        expected = {"test/accuracy", "validation/accuracy"}
        if kind == "train":
            names = {"images_per_second", *logged}
            expected = {name if "/" in name else f"train/{name}" for name in names}
        assert expected <= tags


@pytest.mark.slow  # resume_test has it in processes, with one mask.
@pytest.mark.parametrize("mask", ["inductive", "transductive"])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, monkeypatch, mask):
    arguments = ("--method=xvat", f"--mask={mask}")
    _, whole = _train(tmp_path / "whole", *arguments)
    log = RunDirectory.log

    def die_after_step_4(self, step, *rest):
        log(self, step, *rest)
        if step == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(RunDirectory, "log", die_after_step_4)
        with pytest.raises(KeyboardInterrupt):
            _train(tmp_path / "cut", *arguments)
    metrics = tmp_path / "cut" / "metrics.jsonl"
    metrics.write_text(metrics.read_text() + '{"step": 6, "spl')  # A line that never was finished.
    _, resumed = _train(tmp_path / "cut", *arguments)
    assert metrics.read_text() == (tmp_path / "whole" / "metrics.jsonl").read_text()
    for one, other in zip(whole.method.variables, resumed.method.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_other_data_under_the_same_name_are_refused(tmp_path):
    _train(tmp_path / "run", "--method=mle", "--train_steps=1")
    (tmp_path / "run" / "result.json").unlink()  # As if it had been interrupted.
    before = (tmp_path / "run" / "status.json").read_text()
    with np.load("tiny.npz") as file:
        arrays = dict(file)
    arrays["test_images"][0] += 1
    np.savez("tiny.npz", **arrays)
    with pytest.raises(UsageError, match=r"tiny\.npz, .*test\.images_sha256$"):
        _train(tmp_path / "run", "--method=mle", "--train_steps=1")
    with pytest.raises(UsageError, match=r"tiny\.npz, .*test\.images_sha256$"):
        restore.restore(str(tmp_path / "run"))
    assert (tmp_path / "run" / "status.json").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method=mle", "--epsilon=1"], "--method=mle does not take --epsilon"),
        (
            ["--method=xvat", "--log_alpha_mean=1"],
            "--mask=inductive does not take --log_alpha_mean",
        ),
        (["--method=xvat", "--mask=both"], "Received: --mask=both"),
        (["--method=none"], "--method must be one of mle"),
        (["--dataset=nothing"], "Received: .*nothing"),
        (["--dataset=none.npz"], r"an existing \.npz file\. Received: .*dataset=none\.npz"),
        (["--dataset=folder:none"], "an existing folder. Received: .*dataset=folder:none"),
        (["--dataset=mnist", "--data_dir=none"], "a folder that holds .*; none does not exist"),
        (["--num_labeled=200"], "num_labeled=200"),
        (["--num_labeled=21"], "num_labeled=21"),
        (["--labeled_batch_size=21"], "Received: --labeled_batch_size=21 --num_labeled=20"),
        (["--unlabeled_batch_size=999"], "unlabeled_batch_size=999"),
        (["--num_validation=150"], "num_validation=150"),
        (["--scaling=none"], "Received: .*none"),
        (["--model=none"], "Received: --model=none"),
        (["--method=vat", "--epsilon=-1"], "Received: --epsilon=-1"),
        (["--method=xvat", "--beta=0"], "Received: --beta=0"),
        (["--method=xvat", "--gamma=0.5"], "Received: --gamma=0.5"),
        (["--method=xvat", "--zeta=0.5"], "Received: --zeta=0.5"),
        (["--method=xvat", "--sparsity=-1"], "Received: --sparsity=-1"),
        (["--method=xvat", "--generator_depth=9"], "Received: --generator_depth=9"),
        (["--schedule=linear", "--decay_start=1"], "Received: --decay_start=1"),
    ],
    ids=str,
)
def test_mistakes_cost_one_sentence_and_leave_nothing(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        assembly.prepare(_experiment(tmp_path / "run", *arguments)[0])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_program_ends_with_2_and_no_traceback(tmp_path):
    root = pathlib.Path(train.__file__).parents[1]
    command = [sys.executable, "-m", "trainers.train", f"--workdir={tmp_path}/run", "--method=x"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True)  # noqa: S603
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --method must be one of")
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()


def test_augmentation_flags(tmp_path):
    result, _ = _train(tmp_path / "run", "--method=mle", "--crop", "--flip")
    assert np.isfinite(result["test_accuracy"])


def test_a_run_stops_at_the_end_of_an_epoch_and_goes_on(tmp_path, monkeypatch, capsys):
    # Steps 3 of 7 and on: the metrics are those of a run that never stopped.
    _train(tmp_path / "whole", "--method=mle")
    for _ in range(2):  # The second time it is there already.
        with pytest.raises(PreemptedError, match="stopped at step 3, saved"):
            _train(tmp_path / "run", "--method=mle", "--stop_at=3")
    monkeypatch.setattr(sys, "argv", ["-m", "--method=mle", "--stop_at=3"])
    assert (
        work.run([_experiment(tmp_path / "run", "--method=mle", "--stop_at=3")]) == errors.PREEMPTED
    )
    told = capsys.readouterr().err
    assert told.startswith("stopped at step 3, saved; this goes on from there: ")
    assert told.endswith(" -m trainers.train --method=mle\n")
    _, loop = _train(tmp_path / "run", "--method=mle")
    assert loop.step == 7
    whole, run = (tmp_path / name / "metrics.jsonl" for name in ("whole", "run"))
    assert run.read_bytes() == whole.read_bytes()


def test_damaged_predictions_of_a_finished_run_are_made_anew(tmp_path):
    result, _ = _train(tmp_path / "run", "--method=mle")
    file = tmp_path / "run" / predictions.NAME
    kept = file.read_bytes()
    file.write_bytes(kept[:50])
    with pytest.warns(UserWarning, match="holds no predictions"):
        again, _ = _train(tmp_path / "run", "--method=mle")
    assert again["test_accuracy"] == result["test_accuracy"]
    assert file.read_bytes() == kept


def test_the_test_images_are_left_out(tmp_path):
    result, _ = _train(tmp_path / "run", "--method=xvat", "--notest")
    assert result["test_accuracy"] is None and 0 <= result["validation_accuracy"] <= 1
    assert result["validation_images"] == 30  # --num_validation
    # Epochs of 3 steps, and the last one of 1.
    assert result["best_validation"]["step"] in (3, 6, 7)
    assert result["best_validation"]["accuracy"] >= result["validation_accuracy"]
    assert '"test"' not in (tmp_path / "run" / "metrics.jsonl").read_text()
    # Of the call, not of the run: what is trained is the same.
    assert "test" not in (tmp_path / "run" / "config.flags").read_text()


def _text(workdir):
    return (workdir / "metrics.jsonl").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--method=xvat", "--mask=transductive"),
        pytest.param(("--method=temporal_ensembling", "--num_labeled=0"), marks=pytest.mark.slow),
    ],
)
def test_seeds_one_after_another_have_the_bits_that_each_has_alone(tmp_path, arguments):
    several = [_experiment(tmp_path / f"{seed}", f"--seed={seed}", *arguments) for seed in (3, 1)]
    assert work.run(several) == 0
    # The first one has been alone until then.
    _train(tmp_path / "alone", "--seed=1", *arguments)
    assert _text(tmp_path / "1") == _text(tmp_path / "alone")
    assert _text(tmp_path / "3") != _text(tmp_path / "1")


def test_a_second_seed_is_not_compiled_again(tmp_path):
    _, loop = _train(tmp_path / "1", "--method=xvat", "--seed=1")
    other, _ = _experiment(tmp_path / "2", "--method=xvat", "--seed=2")
    _, again = assembly.prepare(other, like=loop)
    assert again is loop and loop.step == 0 and loop.method.seed == 2
    loop.run(2)
    assert loop._run.experimental_get_tracing_count() == 1


def test_another_shape_or_a_constant_of_the_data_is_compiled_anew(tmp_path):
    first, _ = _experiment(tmp_path / "1", "--method=random_mask", "--fill=mean")
    _, loop = assembly.prepare(first)
    second, _ = _experiment(tmp_path / "2", "--method=random_mask", "--fill=mean", "--seed=2")
    assert assembly.prepare(second, like=loop)[1] is not loop
    third, _ = _experiment(tmp_path / "3", "--method=random_mask", "--num_labeled=30")
    assert assembly.prepare(third, like=loop)[1] is not loop


def test_a_seed_in_other_hands_or_failed_does_not_keep_the_others_from_it(tmp_path, capsys):
    several = [_experiment(tmp_path / f"{s}", f"--seed={s}", "--method=mle") for s in (1, 2, 3)]
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    with lock(tmp_path / "1"), open(tmp_path / "2" / "checkpoints", "w"):
        assert work.run(several) == 1
    assert "is in the hands of another process" in capsys.readouterr().out
    done = [results.read(tmp_path / f"{s}") is not None for s in (1, 2, 3)]
    assert done == [False, False, True]
