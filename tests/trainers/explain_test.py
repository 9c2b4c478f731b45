import csv
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import explain
from trainers.errors import UsageError
from trainers.explaining import explanations
from trainers.run.restore import restore

_FEW = ("mask (inductive)", "integrated gradients", "random")


@pytest.fixture
def tiny_run(make_run, make_tiny, tmp_path):
    """(flags ...) -> the directory of a run on tiny.npz of no step: judges differ by seed."""
    make_tiny()

    def make(*flags):
        data = (f"--dataset={tmp_path}/tiny.npz", "--num_validation=20")
        return str(make_run(*data, *flags)[0])

    return make


def _main(*arguments):
    with flagsaver.flagsaver():
        return explain.main(absl_flags.FLAGS(["program", *arguments]))


def _probability(workdir, label):
    """What a run gives classes of the intact and of the switched-off images, on average."""
    _, data, method = restore(workdir)
    image = data.test[0][np.linspace(0, 49, len(label)).astype(int)]
    intact, off = (tf.nn.softmax(method(x), axis=-1).numpy() for x in (image, 0 * image))
    return [np.mean(given[np.arange(len(label)), label]) for given in (intact, off)]


@pytest.fixture
def few(monkeypatch):
    """Three explanations instead of all, which takes a minute."""
    complete = explanations.of_run

    def of_run(*run):
        found, missing = complete(*run)
        return [each for each in found if each.name in _FEW], missing

    monkeypatch.setattr(explanations, "of_run", of_run)


def test_every_explanation_is_measured_on_both_judges(few, tiny_run, tmp_path, capfd):
    workdir = tiny_run("--method=xvat", "--mask=inductive")
    referee = tiny_run("--method=random_mask", "--seed=2")
    folder = tmp_path / "out"
    arguments = [f"--workdir={workdir}", f"--referee={referee}", "--num_images=12"]
    assert _main(*arguments, f"--output={folder}") == 0
    printed = capfd.readouterr().out
    assert "No Grad-CAM" in printed and f"Table, curves and maps: {folder}" in printed
    report = json.loads((folder / "explain.json").read_text())
    with (folder / "explain.csv").open() as file:
        lines = list(csv.DictReader(file))
    # Explanations, judges, ways.
    assert len(report["rows"]) == len(lines) == 3 * 2 * 3
    assert [row["explanation"] for row in lines[:18:6]] == list(_FEW)
    names = {"curves_classifier", "curves_referee", "maps"}
    assert {path.stem for path in folder.glob("*.p*")} == names
    assert all((folder / f"{name}.pdf").stat().st_size > 5000 for name in names)
    assert report["signs_on_validation"].keys() == {"mask (inductive)"}
    assert report["referees"]["zero"]["same_way"] and not report["referees"]["black"]["same_way"]

    # Curves start and end at what the judge says of whole images, in the classifier's class.
    _, data, method = restore(workdir)
    image = data.test[0][np.linspace(0, 49, 12).astype(int)]
    label = np.argmax(method(image), axis=-1)
    for judge, run in (("classifier", workdir), ("referee", referee)):
        intact, off = _probability(run, label)
        rows = [r for r in report["rows"] if (r["judge"], r["switched_off"]) == (judge, "zero")]
        for row in rows:
            deletion, insertion = (row[m]["curve"]["mean"] for m in ("deletion", "insertion"))
            assert (deletion[0], deletion[-1]) == pytest.approx((intact, off), abs=2e-5)
            assert (insertion[0], insertion[-1]) == pytest.approx((off, intact), abs=2e-5)


def test_each_way_has_the_referee_that_was_trained_with_it(tiny_run):
    workdir = tiny_run("--method=mle")
    grey, black = (tiny_run("--method=random_mask", f"--fill={fill}") for fill in ("zero", "black"))
    chosen = explain.appoint([black, grey], *_images(workdir), num_images=5)
    found = {way: (about["workdir"], about["same_way"]) for way, (_, about) in chosen.items()}
    assert found == {"zero": (grey, True), "black": (black, True), "blurred": (black, False)}


def _images(workdir):
    image, _ = explain.chosen(restore(workdir)[1].test, 5)
    return image, {"zero": image, "black": image, "blurred": image}, np.array([0, 64])


def test_referees_that_do_not_fit_are_refused(tiny_run):
    workdir = tiny_run("--method=mle")
    images = _images(workdir)
    with pytest.raises(UsageError, match="a run of a method with masks.*a run of mle"):
        explain.appoint([workdir], *images, num_images=5)
    scaled = tiny_run("--method=random_mask", "--scaling=unit")
    with pytest.raises(UsageError, match="same test images.*with --scaling=unit"):
        explain.appoint([scaled], *images, num_images=5)


def test_the_picture_shows_what_is_classified_rightly():
    image = np.arange(5.0).reshape(5, 1, 1, 1)
    names = types.SimpleNamespace(dataset=types.SimpleNamespace(class_names=["a", "b", "c"]))
    label, truth = np.array([1, 1, 0, 2, 0]), np.array([0, 1, 1, 1, 0])
    drawn = explain.shown(image, label, truth, {"map": -image[..., 0]}, names)
    assert drawn["labels"] == ["a", "b"]
    assert drawn["x"].ravel().tolist() == [4, 1]
    assert drawn["maps"]["map"].ravel().tolist() == [-4, -1]
    # Where all are wrong, one of each class all the same.
    assert explain.shown(image, label, truth + 5, {}, names)["labels"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--output must name the directory"),
        (["--output=out"], "--workdir must name the directory of a run"),
        (["--output=out", "--seed=2"], "Received: --seed=2"),
        (["--output=out", "x"], "flags start with --. Received: x"),
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _main(*arguments) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err
