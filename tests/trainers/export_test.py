import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import export
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


def _images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)


def _serve(version, folder):
    """What the model gives in a process that has TensorFlow only, by "endpoint/output/size"."""
    np.save(folder / "image.npy", _images(7))
    subprocess.run(  # noqa: S603 (this interpreter and the code above)
        [sys.executable, "-c", _SERVE, version, folder / "image.npy", folder / "results.npz"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        check=True,
        timeout=120,
    )
    return np.load(folder / "results.npz")


def test_the_served_model_equals_the_python_model(make_run, tmp_path):
    _, method = make_run("--method=xvat", "--mask=inductive", steps=2)
    version = export.export(method, preprocessing.centered, str(tmp_path / "model"))
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


def test_a_table_of_masks_cannot_explain_new_images(make_run, tmp_path):
    _, method = make_run("--method=xvat", "--mask=transductive")
    version = export.export(method, preprocessing.unit, str(tmp_path))
    assert set(tf.saved_model.load(str(version)).signatures) == {
        "serving_default",
        "serving_uint8",
    }


def test_versions_count_on_and_nothing_else_is_left(make_run, tmp_path):
    _, method = make_run("--method=mle")
    (tmp_path / "7").mkdir()
    (tmp_path / "notes").mkdir()
    version = export.export(method, preprocessing.centered, str(tmp_path))
    assert version == tmp_path / "8"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7", "8", "notes"]
    x = preprocessing.centered(_images(3))
    classifier = keras.saving.load_model(version / "classifier.keras")
    np.testing.assert_array_equal(classifier(x), method(x))


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
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd):
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", *arguments])
        assert export.main(rest) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err


def test_the_program_says_where_the_model_is(make_run, tmp_path, capfd):
    workdir, _ = make_run("--method=mle")
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", f"--workdir={workdir}", f"--output={tmp_path}/m"])
        assert export.main(rest) == 0
    output = capfd.readouterr()
    assert output.out == f"SavedModel: {tmp_path}/m/1\n"
    assert output.err == ""
    assert (tmp_path / "m" / "1" / "saved_model.pb").exists()
