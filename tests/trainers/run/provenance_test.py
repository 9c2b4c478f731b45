import io
import os
import platform
import subprocess
import tarfile

import keras
import pytest
import tensorflow as tf

from trainers.run import provenance


@pytest.fixture
def git(tmp_path, monkeypatch):
    """(script) -> makes it what stands for git."""

    def make(script):
        file = tmp_path / "git"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return make


def test_versions_are_those_that_run(git):
    git("echo abc")
    told = provenance.provenance()
    assert told["tensorflow"] == tf.__version__
    assert (told["keras"], told["python"]) == (keras.__version__, platform.python_version())


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert provenance.provenance()["cores_used"] == "2"
    monkeypatch.delattr(os, "sched_getaffinity")
    assert provenance.provenance()["cores_used"] == str(os.cpu_count())


@pytest.mark.parametrize("devices", [[], ["GPU"]])
def test_a_gpu_is_one_that_tensorflow_sees(monkeypatch, devices):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: devices)
    assert provenance.has_gpu() is bool(devices)


def test_the_commit_is_the_projects_wherever_one_stands(git, tmp_path, monkeypatch):
    git("pwd -P")
    monkeypatch.chdir(tmp_path)
    root = os.path.realpath(os.path.join(os.path.dirname(provenance.__file__), "..", ".."))
    assert provenance.provenance()["commit"] == root


def test_changes_that_are_not_committed_are_told(git):
    git('echo "abc $@"')
    assert "--dirty" in provenance.provenance()["commit"]


def test_without_a_repository_or_git_the_commit_is_unknown(git, tmp_path, monkeypatch):
    git("echo fatal: not a git repository >&2; exit 128")
    assert provenance.provenance()["commit"] == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert provenance.provenance()["commit"] == "unknown"


def test_an_archive_of_the_project_names_its_commit(git, monkeypatch):
    git("exit 128")
    monkeypatch.setattr(provenance, "_ARCHIVED", "0123456789abcdef0123456789abcdef01234567")
    assert provenance.provenance()["commit"] == "0123456789ab"


def test_git_writes_the_commit_into_an_archive():
    project = provenance._PROJECT
    if not (project / ".git").exists():
        pytest.skip("the project is no repository here")
    file = "trainers/run/provenance.py"

    def git(*arguments):
        # Fixed questions about the project's own folder.
        command = ["git", *arguments]
        return subprocess.run(command, cwd=project, capture_output=True, check=True).stdout  # noqa: S603

    # Attributes that are not committed yet count too, so that this test is true of what is tested.
    made = git("archive", "--worktree-attributes", "HEAD", file)
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        text = archive.extractfile(file).read().decode()
    assert f'_ARCHIVED = "{git("rev-parse", "HEAD").decode().strip()}"' in text


def test_hardware_is_the_cards_where_there_are_some(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind, kind])
    details = {"device_name": "Card 9"}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert provenance._hardware() == "2 x Card 9"


def test_hardware_is_else_the_cores(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert provenance._hardware().startswith(f"{os.cpu_count()} cores, ")
