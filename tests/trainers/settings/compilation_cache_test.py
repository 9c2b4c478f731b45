import os
import subprocess
import sys

import pytest

from trainers.settings import compilation_cache


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_max_cluster_size=9")
    for switch in ("XLA_FLAGS", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC"):
        monkeypatch.delenv(switch, raising=False)
    compilation_cache.use()
    (folder,) = (tmp_path / "xadv_tf" / "xla").iterdir()
    return folder


def test_programs_are_kept_beside_what_the_environment_asks_for(cache):
    assert os.environ["TF_XLA_FLAGS"] == (
        f"--tf_xla_max_cluster_size=9 --tf_xla_persistent_cache_directory={cache}"
    )
    compilation_cache.use()
    assert os.environ["TF_XLA_FLAGS"].count("persistent") == 1


def test_a_card_has_a_place_of_its_own(tmp_path, monkeypatch, cache):
    card = tmp_path / "cards" / "0"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t\t A card\nIRQ: 7\n")
    monkeypatch.setattr(compilation_cache, "_CARDS", card.parent)
    monkeypatch.delenv("TF_XLA_FLAGS")
    compilation_cache.use()
    (folder,) = [other for other in cache.parent.iterdir() if other != cache]
    assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_persistent_cache_directory={folder}"


# Its kernels are other ones, for the same computation.
@pytest.mark.parametrize("switch", ["TF_DETERMINISTIC_OPS", "XLA_FLAGS"])
def test_what_switches_kernels_has_a_place_of_its_own(cache, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    monkeypatch.delenv("TF_XLA_FLAGS")
    compilation_cache.use()
    assert len(list(cache.parent.iterdir())) == 2


def test_what_the_environment_keeps_elsewhere_stays_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/elsewhere")
    compilation_cache.use()
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=/elsewhere"
    assert not list(tmp_path.iterdir())


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    compilation_cache.use()
    assert "TF_XLA_FLAGS" not in os.environ


# Field 1, a number: 300 in two bytes; field 2, five bytes of text (protobuf.dev, "Encoding").
_WHOLE = b"\x08\xac\x02" + b"\x12\x05hello"


@pytest.mark.parametrize("content", [_WHOLE[:n] for n in (0, 1, 2, 4, 5, 9)] + [b"\x89PNG"])
def test_a_cut_program_is_not_kept(cache, content):
    (cache / "whole.pb").write_bytes(_WHOLE)
    (cache / "cut.pb").write_bytes(content)
    del os.environ["TF_XLA_FLAGS"]
    compilation_cache.use()
    assert [file.name for file in cache.glob("*.pb")] == ["whole.pb"]


@pytest.mark.slow
def test_a_second_seed_compiles_nothing_and_a_cut_program_stops_nobody(tmp_path):
    def train(name, seed):
        command = [sys.executable, "-m", "trainers.train", "--experiment=digits/mle", "--jit=on"]
        command += ["--train_steps=2", f"--workdir={tmp_path / name}", f"--seed={seed}", "--brief"]
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
        for variable in ("TF_XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL"):
            environment.pop(variable, None)
        done = subprocess.run(command, check=True, env=environment, stderr=subprocess.PIPE)  # noqa: S603
        assert done.stderr == b""  # TensorFlow 2.21 calls it an error to find a program compiled.
        programs = (tmp_path / "xadv_tf" / "xla").glob("*/*.pb")
        return {program: program.stat().st_mtime_ns for program in programs}

    first = train("one", 1)
    assert first and train("two", 2) == first
    for program in first:
        os.truncate(program, 1000)
    again = train("three", 1)
    assert set(again) == set(first) and again != first
    metrics = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("one", "three")]
    assert metrics[0] == metrics[1]
