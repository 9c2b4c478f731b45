import csv
import json
import shutil

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import robustness
from trainers.settings import experiment as experiment_lib

_FAST = (
    "--attacks=fgsm,random_removal",
    "--num_images=30",
    "--linf=0.1",
    "--l2=1",
    "--removed=.1",
)


def _main(*arguments):
    with flagsaver.flagsaver():
        return robustness.main(absl_flags.FLAGS(["program", *arguments]))


def test_runs_end_in_one_table_and_one_picture(make_run, result, tmp_path, capfd):
    for name, seed in (("mle_1", 1), ("mle_2", 2)):
        workdir, _ = make_run("--method=mle", f"--seed={seed}")
        shutil.copytree(workdir, tmp_path / "runs" / name)
        (tmp_path / "runs" / name / "result.json").write_text(json.dumps(result))
    place = tmp_path / "out"
    flags = (f"--workdir={tmp_path}/runs/*", f"--output={place}", *_FAST)
    assert _main(*flags) == 0
    output = capfd.readouterr()
    assert f"{tmp_path}/runs/mle_1: linf fgsm: " in output.out
    report = json.loads((place / "mle_1" / "robustness.json").read_text())
    assert (report["method"], report["images"], report["settings"]["num_images"]) == (
        "MLE",
        30,
        30,
    )
    assert len(report["threats"]["removal"]["right"]["random_removal"]) == 2
    lines = list(csv.DictReader((place / "robustness.csv").read_text().splitlines()))
    assert {line["runs"] for line in lines} == {"2"}
    # FGSM and the worst of two norms at two strengths, random removal at two.
    assert len(lines) == 2 * 2 * 2 + 2
    assert (place / "robustness.png").read_bytes().startswith(b"\x89PNG")
    assert (place / "robustness.pdf").read_bytes().startswith(b"%PDF")
    # What is there is not measured again, unless it was measured otherwise.
    (place / "mle_1" / "robustness.json").write_text(
        json.dumps({**report, "images": 31, "warnings": ["square is too weak"]})
    )
    assert _main(*flags, "--quiet") == 0
    assert json.loads((place / "mle_1" / "robustness.json").read_text())["images"] == 31
    output = capfd.readouterr()
    assert output.out == ""
    assert f"warning: {tmp_path}/runs/mle_1: square is too weak\n" in output.err
    assert _main(f"--workdir={tmp_path}/runs/mle_1", f"--output={place}/mle_1", *_FAST,
                 "--num_images=20") == 0  # fmt: skip
    assert json.loads((place / "mle_1" / "robustness.json").read_text())["images"] == 20


def test_runs_of_two_experiments_are_two_rows_of_one_table(make_run, result, tmp_path):
    for method in ("mle", "vat"):
        workdir, _ = make_run(f"--method={method}")
        shutil.copytree(workdir, tmp_path / "runs" / method)
        (tmp_path / "runs" / method / "result.json").write_text(json.dumps(result))
    flags = (f"--workdir={tmp_path}/runs/*", f"--output={tmp_path}/out", "--quiet", "--nodoubt")
    assert _main(*flags, "--attacks=random_removal", "--removed=.1", "--num_images=10") == 0
    lines = csv.DictReader((tmp_path / "out" / "robustness.csv").read_text().splitlines())
    assert {line["label"] for line in lines} == {"MLE", "VAT"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--workdir must name a run's directory. Received: nothing"),
        (["--workdir=/nowhere"], "--workdir must name directories of runs"),
        (["--workdir=w", "--flip"], "Received: --flip"),
        (["--workdir=w", "--attacks=cw"], "--attacks must name some of fgsm"),
        (["--workdir=w", "--removed=2"], "at most 1. Received: --removed=2"),
        (["w"], "flags start with --. Received: w"),
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd):
    assert _main(*arguments) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err


def test_several_runs_need_a_folder(tmp_path, capfd):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.flags").touch()
    assert _main(f"--workdir={tmp_path}/*") == 2
    assert "--output must name a folder for the table and the picture" in capfd.readouterr().err


def test_data_sets_are_not_mixed(tmp_path, capfd):
    for name in ("digits", "mnist"):
        (tmp_path / name).mkdir()
        values = experiment_lib.parse([f"--dataset={name}", f"--workdir={tmp_path / name}"])
        (tmp_path / name / "config.flags").write_text(experiment_lib.to_flagfile(values))
    assert _main(f"--workdir={tmp_path}/*", f"--output={tmp_path}/out") == 2
    assert capfd.readouterr().err.endswith("Received: runs on digits and mnist\n")
