import pytest

from trainers import errors
from trainers.errors import UsageError
from trainers.evidence import recording


def test_finished_runs_get_records_and_others_are_named(make_run, tmp_path, capfd):
    make_run("t/vat/seed_1", "--method=vat")
    make_run("t/vat/seed_2", "--method=vat", "--seed=2", keep=False)
    (make_run("t/mle/seed_1") / "result.json").unlink()
    folder = tmp_path / "records"
    assert recording.record(f"{tmp_path}/t/*/*", str(folder)) == 0
    assert len(list(folder.glob("digits_2_vat_seed[12]_*.json"))) == 2
    out = capfd.readouterr().out.splitlines()
    assert out[0] == f"{tmp_path}/t/mle/seed_1: not finished, no record"
    assert out[1].endswith(".json") and out[2].endswith("without predictions: it left none")


def test_a_run_that_cannot_be_recorded_does_not_keep_others_from_it(make_run, tmp_path, capfd):
    (make_run("t/a") / "config.flags").write_text("--method=mle")
    make_run("t/b", "--seed=2")
    assert recording.record(f"{tmp_path}/t/*", str(tmp_path / "r")) == errors.MISTAKE
    assert len(list((tmp_path / "r").glob("*.json"))) == 1
    assert "config.flags is damaged" in capfd.readouterr().err


def test_a_run_with_damaged_predictions_is_a_mistake(make_run, tmp_path):
    (make_run("t/a") / "test_predictions.npz").write_bytes(b"PK")
    make_run("t/b", "--seed=2")
    with pytest.warns(UserWarning, match=r"test_predictions\.npz is damaged"):
        assert recording.record(f"{tmp_path}/t/*", str(tmp_path / "r")) == errors.MISTAKE
    assert len(list((tmp_path / "r").glob("*.json"))) == 1


def test_folders_within_folders_and_names_like_patterns(make_run, tmp_path):
    one, two = make_run("a/b/c"), make_run("x[1]")
    assert recording.find(f"{tmp_path}/**") == sorted([one, two])
    assert recording.find(f"{two},{one}") == [two, one]


@pytest.mark.parametrize("pattern", ["", "nothing/*", "a,"])
def test_what_fits_no_run_is_a_mistake(make_run, monkeypatch, tmp_path, pattern):
    make_run("a")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"or a pattern of such. Received: --record="):
        recording.find(pattern)
