"""What is exported computes what the method computes, in every program that can load it."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers import export
from xadv_tf import methods, models
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
    beyond = np.stack([image[1] * 257, image[1] - 128, np.full_like(image[1], 255.5)])
    shown = model.signatures["serving_default"](image=tf.constant(beyond))
    assert shown["class"].numpy().tolist() == 3 * [-1]
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


@pytest.mark.slow  # Of what it shows, all but the program's own part is shown above.
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
