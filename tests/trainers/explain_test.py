import csv
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import explain
from trainers.explaining import explanations, summaries
from trainers.run.restore import restore

_FEW = ("mask (inductive)", "integrated gradients", "random")


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
    assert "No Grad-CAM" in printed and f"Table and curves: {folder}" in printed
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

    assert [leak["seen"] for leak in report["leaks"]] == [*_FEW, "the image itself", "nothing"]
    # Of twelve images the probe learns no more than which class is the commonest.
    assert summaries.doubts(*report["leaks"][-2:])[0] in report["notes"]
    assert "Too few images for the leak test" in " ".join(printed.split())

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


# What it puts together is tested alone: pooling_test, referees_test, run_by_run_test.
@pytest.mark.slow
def test_several_seeds_are_shown_as_means_over_runs(few, tiny_run, result, tmp_path, capfd):
    runs = [tiny_run("--method=xvat", "--mask=inductive", f"--seed={seed}") for seed in (1, 2)]
    for run in runs:
        (pathlib.Path(run) / "result.json").write_text(json.dumps(result))
    judges = [tiny_run("--method=random_mask", f"--seed={seed}") for seed in (2, 1)]
    folder = tmp_path / "out"
    arguments = [f"--workdir={','.join(runs)}", f"--referee={','.join(judges)}"]
    arguments += ["--num_images=12", f"--output={folder}"]
    assert _main(*arguments) == 0
    printed = capfd.readouterr()
    assert "interval over 2" in " ".join(printed.out.split()) and not printed.err
    single = [json.loads((folder / name / "explain.json").read_text()) for name in _names(runs)]
    together = json.loads((folder / "explain.json").read_text())
    assert together["seeds"] == [1, 2] and len(together["rows"]) == 3 * 2 * 3
    # Each by the referee of its own seed.
    assert [each["judges"] for each in single] == [[judges[1]], [judges[0]]]
    for number in (0, 5, 17):
        areas = [each["rows"][number]["deletion"]["area"]["mean"] for each in single]
        mean = together["rows"][number]["deletion"]["area"]["mean"]
        assert mean == pytest.approx(sum(areas) / 2, abs=2e-5)
    assert {path.stem for path in folder.glob("*.p*")} == {"curves_classifier", "curves_referee"}

    # What stands there is not measured again: it says by what it was measured.
    assert (single[0]["asked_images"], single[0]["step"]) == (12, 0)
    assert _main(*arguments) == 0
    assert capfd.readouterr().out.count(f"as in {folder}") == 2


def _names(runs):
    return [run.rpartition("/")[2] for run in runs]


def test_runs_of_two_experiments_are_refused(tiny_run, tmp_path, capfd):
    runs = [tiny_run("--method=mle"), tiny_run("--method=vat")]
    assert _main(f"--workdir={','.join(runs)}", f"--output={tmp_path}/out") == 2
    error = capfd.readouterr().err
    assert "differ in their seed alone. Received:" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--output must name the directory"),
        (["--output=out"], "--workdir must name a run's directory"),
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
