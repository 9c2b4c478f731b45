import pathlib
import shlex

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
