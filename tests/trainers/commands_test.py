import pathlib
import shlex
import subprocess

import pytest

from trainers import commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("{here}/a/b", "a/b"),
        ("{here}/../there", "{there}"),
        ("a/../b", "b"),
        ("{here}", "."),
        # A neighbour whose name begins like that of the current directory.
        ("{here}s/a", "{here}s/a"),
    ],
)
def test_a_path_is_relative_below_the_current_directory_and_absolute_elsewhere(here, path, shown):
    names = {"here": here, "there": here.parent / "there"}
    assert commands.shown_path(pathlib.Path(path.format(**names))) == shown.format(**names)


def test_an_interpreter_is_not_resolved_to_the_one_that_its_environment_is_made_of(here):
    (here / "python").symlink_to("/bin/sh")
    assert commands.shown_path(here / "python") == "python"


def test_tensorboard_is_the_one_beside_the_interpreter_if_there_is_one(here, monkeypatch):
    monkeypatch.setattr(commands.sys, "executable", str(here / "bin" / "python"))
    assert commands.tensorboard_command("runs/my run") == "tensorboard '--logdir=runs/my run'"
    (here / "bin").mkdir()
    (here / "bin" / "tensorboard").touch()
    words = shlex.split(commands.tensorboard_command("runs/my run"))
    assert words == ["bin/tensorboard", "--logdir=runs/my run"]


def test_a_module_is_run_by_the_interpreter_that_runs_this(here, monkeypatch):
    monkeypatch.setattr(commands.sys, "executable", str(here / "my bin" / "python"))
    assert commands.shown("trainers.train") == "'my bin/python' -m trainers.train"
    shown = commands.shown("trainers.train", "--workdir=runs/my run", "--quiet")
    assert shown == "'my bin/python' -m trainers.train '--workdir=runs/my run' --quiet"


def test_a_module_is_ours_though_the_folder_has_one_of_its_name(tmp_path):
    for name in ("trainers", "flags", "xadv_tf"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user's')")
    command = commands.of_module("trainers.train", "--help")
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)  # noqa: S603
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Trains one experiment")


def test_a_process_own_command_names_no_folder_and_can_be_pasted(monkeypatch):
    monkeypatch.setattr(commands.sys, "argv", ["/a/train.py", "--workdir=my run", "--seed=1"])
    assert commands.own("trainers.train") == "python -m trainers.train '--workdir=my run' --seed=1"


def test_a_flag_is_left_out_with_its_value():
    given = ["--stop_at=3", "--a=stop_at", "-stop_at", "6", "--stop_at_all", "file", "--stop_at"]
    left = ["--a=stop_at", "--stop_at_all", "file"]
    assert commands.without(["stop_at"], given) == left
    assert commands.without([], given) == given
