import json
import pathlib
import shutil

import numpy as np
import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import evaluate
from trainers.errors import UsageError
from trainers.run.restore import restore

_PNG = b"\x89PNG\r\n\x1a\n"


def _main(*arguments):
    with flagsaver.flagsaver():
        return evaluate.main(absl_flags.FLAGS(["program", *arguments]))


@pytest.fixture
def run(make_run, tmp_path):
    """A run of which a test may fill the directory."""
    workdir, method = make_run("--method=mle", "--num_validation=50", steps=3)
    shutil.copytree(workdir, tmp_path / "run")
    return tmp_path / "run", method


def test_numbers_are_those_of_the_test_images(run, capfd):
    workdir, method = run
    assert _main(f"--workdir={workdir}") == 0
    report = json.loads((workdir / "evaluation.json").read_text())
    _, data, _ = restore(str(workdir))
    images, labels = data.test
    predicted = np.argmax(method(images), axis=-1)
    assert report["accuracy"] == np.mean(predicted == labels)
    assert (report["examples"], report["split"], report["step"]) == (1000, "test", 3)
    assert (report["method"], report["dataset"], report["seed"]) == ("MLE", "digits", 1)
    right = [int(np.sum(predicted[labels == i] == i)) for i in range(10)]
    np.testing.assert_array_equal(np.diag(report["confusion_matrix"]), right)
    assert report["classes"][3]["recall"] == right[3] / 100
    for name in ("confusion.png", "reliability.png"):
        assert (workdir / name).read_bytes().startswith(_PNG)
    output = capfd.readouterr()
    assert output.err == ""
    assert output.out.startswith("MLE on digits, test\n")
    assert f"{100 * report['accuracy']:.2f} %" in output.out
    assert output.out.endswith(f"Numbers and pictures: {workdir}\n")


def test_validation_goes_beside_the_test_results(run, tmp_path, capfd):
    workdir, _ = run
    before = sorted(workdir.iterdir())
    place = tmp_path / "elsewhere"
    assert _main(f"--workdir={workdir}", "--split=validation", f"--output={place}", "--quiet") == 0
    assert capfd.readouterr().out == ""
    assert sorted(workdir.iterdir()) == before
    assert sorted(path.name for path in place.iterdir()) == [
        "confusion_validation.png", "evaluation_validation.json", "reliability_validation.png"
    ]  # fmt: skip
    report = json.loads((place / "evaluation_validation.json").read_text())
    assert (report["split"], report["weights"], report["examples"]) == ("validation", "last", 50)


def test_the_best_weights_have_their_own_files(run, tmp_path, capfd):
    workdir, _ = run
    (workdir / "checkpoints").rename(workdir / "best")
    assert _main(f"--workdir={workdir}", "--weights=best") == 0
    assert capfd.readouterr().out.startswith("MLE on digits, test, best on validation\n")
    assert json.loads((workdir / "evaluation_best.json").read_text())["weights"] == "best"
    assert not (workdir / "evaluation.json").exists()


def test_several_runs_are_compared(make_run, result, tmp_path, capfd):
    for seed in (1, 2):
        workdir, _ = make_run("--method=mle", f"--seed={seed}")
        shutil.copytree(workdir, tmp_path / f"mle_{seed}")
        (tmp_path / f"mle_{seed}" / "result.json").write_text(json.dumps(result))
    unfinished, _ = make_run("--method=mle")
    shutil.copytree(unfinished, tmp_path / "mle_early")
    (tmp_path / "mle_early" / "config.flags").write_text(
        (unfinished / "config.flags").read_text().replace("--seed=1", "--seed=3")
    )
    (tmp_path / "mle_table.txt").write_text("a file beside the runs")
    place = tmp_path / "results"
    assert _main(f"--workdir={tmp_path}/mle_*", f"--output={place}") == 0
    accuracy = [
        json.loads((place / f"mle_{seed}" / "evaluation.json").read_text())["accuracy"]
        for seed in (1, 2)
    ]
    (told,) = json.loads((place / "seeds.json").read_text())
    assert told["workdirs"] == [f"{tmp_path}/mle_1", f"{tmp_path}/mle_2"]
    assert told["accuracy"]["mean"] == pytest.approx(sum(accuracy) / 2)
    output = capfd.readouterr()
    assert output.err == f"warning: not finished, hence in no row: {tmp_path}/mle_early\n"
    lines = output.out.splitlines()
    assert lines[0].startswith(f"{tmp_path}/mle_1: MLE on digits, test, accuracy ")
    (row,) = [line.split() for line in lines if line.split()[:1] == ["MLE"]]
    # Of two values the deviation is their distance over sqrt(2).
    deviation = abs(accuracy[0] - accuracy[1]) / 2**0.5
    mean = sum(accuracy) / 2
    assert row[:5] == ["MLE", "2", f"{100 * mean:.2f}", "±", f"{100 * deviation:.2f}"]


def test_names_patterns_and_places(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.flags").touch()
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert evaluate.find_runs(f"{b},{tmp_path}/*") == [b, a]
    for name in ("c,d", "e[1]"):  # Named as they are, where they are there.
        shutil.copytree(a, tmp_path / name)
        assert evaluate.find_runs(f"{tmp_path}/{name}") == [f"{tmp_path}/{name}"]
    assert evaluate.find_runs(f"{tmp_path}/e[1],{a}") == [f"{tmp_path}/e[1]", a]
    assert evaluate.find_folders([a], "out") == [pathlib.Path("out")]
    assert evaluate.find_folders([a, b], "out") == [pathlib.Path("out/a"), pathlib.Path("out/b")]
    # As trainers.reproduce lays out its runs; where one name is there twice, all have longer ones.
    assert evaluate.find_folders(["t/x/a", "t/y/a", "t/y/b"], "out") == [
        pathlib.Path("out/x/a"),
        pathlib.Path("out/y/a"),
        pathlib.Path("out/y/b"),
    ]
    (tmp_path / "link").symlink_to(a)
    with pytest.raises(UsageError, match=f"each run once. Received: {a} by several names"):
        evaluate.find_folders([a, f"{tmp_path}/link", b], "out")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--workdir must name a run's directory. Received: nothing"),
        (["--workdir=/nowhere"], "--workdir must name directories of runs"),
        (["--workdir=/nowhere/*"], "must fit the directory of a run. Received: --workdir=/nowhere"),
        (["--workdir=w", "--flip"], "Received: --flip"),
        (["--workdir=w", "--table=digits"], "Received: --table=digits"),
        (["w"], "flags start with --. Received: w"),
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd):
    assert _main(*arguments) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err


def test_a_run_without_validation_images(make_run, capfd):
    workdir, _ = make_run("--method=mle")
    assert _main(f"--workdir={workdir}", "--split=validation") == 2
    assert "--split=validation needs a run with --num_validation above 0" in capfd.readouterr().err


def test_one_bad_run_does_not_take_the_others_down(make_run, result, tmp_path, capfd):
    for seed in (1, 2, 3, 4):
        workdir, _ = make_run("--method=mle", f"--seed={seed}")
        shutil.copytree(workdir, tmp_path / f"mle_{seed}")
        (tmp_path / f"mle_{seed}" / "result.json").write_text(json.dumps(result))
    (tmp_path / "mle_2" / "config.flags").write_bytes(b"\xff\xff")
    shutil.rmtree(tmp_path / "mle_3" / "checkpoints")
    place = tmp_path / "results"
    assert _main(f"--workdir={tmp_path}/mle_*", f"--output={place}") == 2
    (told,) = json.loads((place / "seeds.json").read_text())
    assert told["workdirs"] == [f"{tmp_path}/mle_1", f"{tmp_path}/mle_4"]
    first, second = capfd.readouterr().err.splitlines()
    assert first.startswith(f"error: {tmp_path}/mle_2/config.flags is damaged (it is no text)")
    assert second.endswith(f"train it first. Received: --workdir={tmp_path}/mle_3")


def test_results_that_cannot_be_written_are_named(run, capfd, monkeypatch):
    workdir, _ = run
    (workdir / "confusion.png").mkdir()
    assert _main(f"--workdir={workdir}") == 1
    error = capfd.readouterr().err
    assert error.startswith(f"error: the results in {workdir} could not be written (")
    assert error.count("\n") == 1
