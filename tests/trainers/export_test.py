"""Tests of trainers.export, the program and what it writes about the model."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import export
from trainers.run.restore import restore
from xadv_tf import data
from xadv_tf.data import preprocessing


def test_a_fitted_scaling_is_part_of_the_model(make_run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    workdir, method = make_run("--method=mle", "--scaling=zca_gcn")
    with flagsaver.flagsaver():
        arguments = ["program", f"--workdir={workdir}", f"--output={tmp_path}/model", "--quiet"]
        assert export.main(absl_flags.FLAGS(arguments)) == 0
    served = tf.saved_model.load(str(tmp_path / "model" / "1")).signatures["serving_default"]
    digits = data.load("digits")
    scale = preprocessing.fit("zca_gcn", digits.train_images)
    logits = method(scale(digits.test_images[:7]))
    image = tf.cast(digits.test_images[:7], tf.float32)
    np.testing.assert_allclose(served(image=image)["logits"], logits, rtol=1e-5, atol=1e-5)
    assert np.std(logits) > 0.01


def test_versions_count_on_and_nothing_else_is_left(make_run, tmp_path):
    _, method = make_run("--method=mle")
    (tmp_path / "7").mkdir()
    (tmp_path / "notes").mkdir()
    version = export.export(method, preprocessing.centered, str(tmp_path))
    assert version == tmp_path / "8"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7", "8", "notes"]


def test_a_number_taken_meanwhile_is_passed_over(tmp_path, monkeypatch):
    aside = tmp_path / ".partial"
    aside.mkdir()
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_text("another's")
    # As if the other export had renamed its own after this one had looked.
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda self: iter(()))
    assert export._publish(aside, tmp_path) == tmp_path / "2"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--workdir=/nowhere"], "--output must name a directory. Received: nothing"),
        (["--output=a"], "--workdir must name the directory of a run"),
        (["--output=a", "--workdir=w", "--flip"], "Received: --flip"),
        (["--output=a", "--workdir=w", "--table=digits"], "Received: --table=digits"),
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Where the tests are started need not be writable.
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", *arguments])
        assert export.main(rest) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err


def test_the_program_says_where_the_model_is_and_the_model_where_it_is_from(
    make_run, result, tmp_path, capfd
):
    made, _ = make_run("--method=mle", steps=3)
    workdir = tmp_path / "run"
    shutil.copytree(made, workdir)
    result |= {"train_steps": 3, "test_accuracy": 0.9}
    (workdir / "result.json").write_text(json.dumps(result))
    about = {"commit": "abc", "status": "done", "step": 3, "reason": None}
    (workdir / "status.json").write_text(json.dumps(about))
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", f"--workdir={workdir}", f"--output={tmp_path}/m"])
        assert export.main(rest) == 0
    output = capfd.readouterr()
    assert output.out == f"SavedModel: {tmp_path}/m/1\n"
    assert output.err == ""
    assert (tmp_path / "m" / "1" / "saved_model.pb").exists()
    about = json.loads((tmp_path / "m" / "1" / "metadata.json").read_text())
    assert about["class_names"] == [str(digit) for digit in range(10)]
    assert about["signatures"] == {"serving_default": "float32", "serving_uint8": "uint8"}
    expected = {
        "workdir": str(workdir),
        "method": "MLE",
        "model": "mlp",
        "dataset": "digits",
        "seed": 1,
        "weights": "last",
        "step": 3,
        "trained_at_commit": "abc",
        "test_accuracy": 0.9,
        "preprocessing": "centered",
        "image_shape": [28, 28, 1],
        "pixel_values": [0, 255],
    }
    assert {name: about[name] for name in expected} == expected


def test_accuracy_is_that_of_the_exported_step(make_run, result, tmp_path):
    workdir, _ = make_run("--method=mle", steps=3)
    experiment, _, _ = restore(str(workdir))
    run = tmp_path / "run"
    shutil.copytree(workdir, run)

    def accuracy():
        return export.describe(str(run), experiment, ["a"], "last", 3)["test_accuracy"]

    assert accuracy() is None
    (run / "evaluation.json").write_text(json.dumps({"step": 2, "accuracy": 0.5}))
    assert accuracy() is None
    (run / "evaluation.json").write_text(json.dumps({"step": 3, "accuracy": 0.75}))
    assert accuracy() == 0.75
    # Of a run that was not evaluated again, its own result, if it is of this step.
    (run / "evaluation.json").unlink()
    result |= {"test_accuracy": 0.9}
    for steps, expected in ((3, 0.9), (4, None)):
        (run / "result.json").write_text(json.dumps({**result, "train_steps": steps}))
        assert accuracy() == expected
    # What was measured with other weights says nothing of these.
    (run / "result.json").write_text(json.dumps({**result, "train_steps": 3}))
    best = export.describe(str(run), experiment, ["a"], "best", 3)
    assert (best["test_accuracy"], best["weights"]) == (None, "best")
