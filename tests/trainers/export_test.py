import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import export
from trainers.run.restore import restore
from xadv_tf import data, methods, models
from xadv_tf.data import preprocessing

# Neither this project nor Keras can be imported once the model is to be loaded.
_SERVE = """
import sys
import numpy as np
import tensorflow as tf
for name in ("keras", "tf_keras", "xadv_tf", "trainers"):
    sys.modules[name] = None
model = tf.saved_model.load(sys.argv[1])
results = {}
for size in (1, 7):
    image = np.load(sys.argv[2])[:size]
    for name, dtype in (("serving_default", tf.float32), ("serving_uint8", tf.uint8),
                        ("explain", tf.float32)):
        if name in model.signatures:
            outputs = model.signatures[name](image=tf.cast(image, dtype))
            results |= {f"{name}/{key}/{size}": value for key, value in outputs.items()}
    results[f"numpy/{size}"] = model.signatures["serving_default"](image=image)["logits"]
np.savez(sys.argv[3], **results)
"""


# What Keras alone makes of the file.
_LOAD = """
import sys
for name in ("xadv_tf", "trainers", "flags"):
    sys.modules[name] = None
import keras
import numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def _images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)


def _serve(version, folder):
    """What the model gives in a process that has TensorFlow only, by "endpoint/output/size"."""
    np.save(folder / "image.npy", _images(7))
    _run_alone(folder, _SERVE, version, folder / "image.npy", folder / "results.npz")
    return np.load(folder / "results.npz")


def _run_alone(folder, code, *arguments):
    # -I: neither the current directory nor PYTHONPATH is looked at.
    command = [sys.executable, "-I", "-c", code, *arguments]
    subprocess.run(command, cwd=folder, check=True, timeout=300)  # noqa: S603 (our own code)


@pytest.fixture(scope="module")
def exported(make_run, tmp_path_factory):
    """A model that can explain itself, its running statistics moved by training; its version."""
    _, method = make_run("--method=xvat", "--mask=inductive", steps=2)
    output = tmp_path_factory.mktemp("model")
    return method, export.export(method, preprocessing.centered, str(output))


def test_the_served_model_equals_the_python_model(exported, tmp_path):
    method, version = exported
    served = _serve(version, tmp_path)
    for size in (1, 7):
        x = preprocessing.centered(_images(size))
        shown = method.perturb(x)
        logits, masked = method(x), method(shown["x_adv"])
        expected = {
            "serving_default/logits": logits,
            "serving_default/probabilities": tf.nn.softmax(logits),
            "serving_default/class": tf.argmax(logits, axis=-1),
            "serving_uint8/logits": logits,
            "serving_uint8/probabilities": tf.nn.softmax(logits),
            "serving_uint8/class": tf.argmax(logits, axis=-1),
            "explain/log_alpha": shown["log_alpha"],
            "explain/mask": shown["mask"],
            "explain/masked_image": shown["x_adv"],
            "explain/probabilities": tf.nn.softmax(logits),
            "explain/masked_probabilities": tf.nn.softmax(masked),
        }
        keys = {key.rpartition("/")[0] for key in served if key.endswith(f"/{size}")}
        assert keys == {*expected, "numpy"}
        for name, value in expected.items():
            # Sums of 1,200 products, in another order: a few units of float32's last place.
            np.testing.assert_allclose(
                served[f"{name}/{size}"], value, rtol=1e-5, atol=1e-5, err_msg=name
            )
        np.testing.assert_array_equal(
            served[f"numpy/{size}"], served[f"serving_default/logits/{size}"]
        )


def test_what_is_no_image_gets_no_prediction_and_the_others_get_theirs(exported):
    _, version = exported
    model = tf.saved_model.load(str(version))
    image = _images(8).astype(np.float32)
    right = model.signatures["serving_default"](image=tf.constant(image))
    bad = image.copy()
    bad[1, 3, 4, 0] = np.nan
    bad[2, 0, 0, 0] = np.inf
    bad[3, 27, 27, 0] = -np.inf
    bad[4] /= 255  # Values of [0, 1], and of [-1, 1].
    bad[5] = bad[5] / 127.5 - 1
    bad[6] = 0  # A black image is one.
    shown = model.signatures["serving_default"](image=tf.constant(bad))
    assert shown["class"].numpy()[1:6].tolist() == 5 * [-1]
    for name in ("logits", "probabilities"):
        np.testing.assert_array_equal(shown[name][1:6], np.full((5, 10), np.nan))
        assert np.all(np.isfinite(shown[name][6]))
        np.testing.assert_allclose(shown[name][::7], right[name][::7], rtol=1e-5, atol=1e-6)
    explained = model.signatures["explain"](image=tf.constant(bad))
    for name, value in explained.items():
        kept = np.isfinite(value.numpy()).reshape(8, -1)
        assert kept.all(axis=1).tolist() == kept.any(axis=1).tolist() == [
            True, *5 * [False], True, True
        ], name  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 784), (2, 28, 28), (2, 28, 28, 3), (2, 56, 14, 1), (28, 28)])
@pytest.mark.parametrize("name", ["serving_default", "serving_uint8", "explain"])
def test_another_shape_is_refused(exported, name, shape):
    serve = tf.saved_model.load(str(exported[1])).signatures[name]
    dtype = tf.uint8 if name == "serving_uint8" else tf.float32
    with pytest.raises(tf.errors.InvalidArgumentError, match="[Ss]hape"):
        serve(image=tf.zeros(shape, dtype))


def test_the_metadata_say_what_is_expected(exported):
    about = json.loads((exported[1] / "metadata.json").read_text())
    assert set(about["documentation"]) == set(about["signatures"])
    for text in about["documentation"].values():
        assert text.startswith("image: [batch, 28, 28, 1], any batch size, values 0 to 255")


def test_the_network_that_is_evaluated_is_exported(tmp_path):
    classifier = models.mlp(hidden_units=(4,), seed=1)
    method = methods.MLE(classifier, ema_decay=0.5, evaluate_ema=True)
    method.compile()
    x = preprocessing.centered(_images(4))
    # After one step the bias-corrected average is the last weights.
    method.fit(x, np.arange(4), epochs=2, verbose=0)
    version = export.export(method, preprocessing.centered, str(tmp_path))
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    logits = served(image=tf.cast(_images(4), tf.float32))["logits"]
    np.testing.assert_allclose(logits, method.averaged(x), rtol=1e-5, atol=1e-5)
    assert np.max(np.abs(logits - classifier(x))) > 1e-4
    kept = keras.saving.load_model(version / "classifier.keras")
    np.testing.assert_allclose(kept(x), method.averaged(x), rtol=1e-5, atol=1e-5)


def test_a_part_with_masks_explains(make_run, tmp_path):
    _, method = make_run("--method=entropy+xvat", "--mask=inductive")
    version = export.export(method, preprocessing.unit, str(tmp_path))
    explain = tf.saved_model.load(str(version)).signatures["explain"]
    shown = explain(image=tf.cast(_images(2), tf.float32))
    expected = method.perturb(preprocessing.unit(_images(2)))
    np.testing.assert_allclose(shown["mask"], expected["mask"], rtol=1e-5, atol=1e-5)


def test_a_table_of_masks_cannot_explain_new_images(make_run, tmp_path):
    _, method = make_run("--method=xvat", "--mask=transductive")
    version = export.export(method, preprocessing.unit, str(tmp_path))
    assert set(tf.saved_model.load(str(version)).signatures) == {
        "serving_default",
        "serving_uint8",
    }


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


def test_keras_alone_loads_the_classifier(exported, tmp_path):
    method, version = exported
    x = preprocessing.centered(_images(7))
    np.save(tmp_path / "x.npy", x)
    _run_alone(
        tmp_path, _LOAD, version / "classifier.keras", tmp_path / "x.npy", tmp_path / "logits.npy"
    )
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), method(x), rtol=1e-4, atol=1e-5)
    about = json.loads((version / "metadata.json").read_text())
    assert about["classifier_custom_objects"] == []


def test_saved_model_cli_runs_it_on_bytes(exported, tmp_path):
    method, version = exported
    np.save(tmp_path / "x.npy", _images(4))
    subprocess.run(  # noqa: S603 (TensorFlow's own program)
        [
            pathlib.Path(sys.executable).with_name("saved_model_cli"), "run", "--dir", version,
            "--tag_set", "serve", "--signature_def", "serving_default",
            "--inputs", f"image={tmp_path}/x.npy", "--outdir", tmp_path,
        ],
        cwd=tmp_path,
        check=True,
        timeout=300,
    )  # fmt: skip
    logits = method(preprocessing.centered(_images(4))).numpy()
    # Sums of 1,200 products, in another order.
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(np.load(tmp_path / "class.npy"), np.argmax(logits, axis=-1))
    np.testing.assert_allclose(
        np.load(tmp_path / "probabilities.npy"), tf.nn.softmax(logits), rtol=1e-5, atol=1e-6
    )


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
