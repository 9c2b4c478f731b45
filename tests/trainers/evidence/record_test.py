import json

import pytest

from trainers.errors import UsageError
from trainers.evidence import making
from trainers.evidence import record as record_lib


def test_what_is_written_is_what_is_read(make_run, tmp_path):
    predicted, labels = [0, 255, 3], [0, 255, 1]
    made = making.from_run(make_run("run", predicted=predicted, labels=labels))
    file = record_lib.write(made, tmp_path / "records")
    assert file.with_suffix(".bin").read_bytes() == bytes(predicted)  # One byte an image.
    (again,) = record_lib.read_all(tmp_path / "records")
    assert again.content == json.loads(json.dumps(made.content))
    assert again.predicted.tolist() == predicted and again.labels.tolist() == labels
    assert record_lib.write(made, tmp_path / "records") == file  # Again the same: nothing to say.


def test_of_more_than_256_classes_an_image_takes_two_bytes(make_run, tmp_path):
    made = making.from_run(make_run("run", predicted=[0, 256, 3], labels=[0, 999, 1]))
    file = record_lib.write(made, tmp_path / "records")
    # 256 is 0 in the low byte and 1 in the high one.
    assert file.with_suffix(".bin").read_bytes() == bytes([0, 0, 0, 1, 3, 0])
    assert record_lib.read(file).predicted.tolist() == [0, 256, 3]


def test_runs_on_one_test_set_share_its_labels(make_run, tmp_path):
    for seed in (1, 2):
        run = make_run(f"run{seed}", f"--seed={seed}", predicted=(seed, 1), labels=(1, 1))
        record_lib.write(making.from_run(run), tmp_path / "records")
    assert len(list((tmp_path / "records").glob("*.bin"))) == 2
    assert len(list((tmp_path / "records" / "labels").iterdir())) == 1


def test_a_run_of_before_predictions_were_kept_has_a_record(make_run, tmp_path):
    made = making.from_run(make_run("run", keep=False))
    again = record_lib.read(record_lib.write(made, tmp_path / "records"))
    assert again.predicted is None and again.accuracy == 0.75


def test_names_tell_experiments_apart_and_not_how_they_were_logged(make_run):
    def name(number, *flags):
        return making.from_run(make_run(f"{number}", *flags)).name

    plain = name(0, "--method=xvat+vat")
    assert plain.startswith("digits_2_xvat_i_and_vat_seed1_")
    assert plain == name(1, "--method=xvat+vat", "--log_every=7", "--data_dir=x", "--jit=off")
    assert plain != name(2, "--method=xvat+vat", "--epsilon=3")
    assert "_seed2_draw1_" in name(3, "--method=xvat+vat", "--seed=2", "--label_seed=1")


def test_another_run_of_the_experiment_does_not_take_its_records_place(make_run, tmp_path):
    record_lib.write(making.from_run(make_run("one")), tmp_path / "records")
    other = making.from_run(make_run("other", predicted=(1, 1, 1, 1)))
    again = making.from_run(tmp_path / "one")
    again.content["flags"].append("--nodownload")  # As a later version may write them.
    record_lib.write(again, tmp_path / "records")
    with pytest.raises(UsageError, match="record of another run of the same experiment; delete"):
        record_lib.write(other, tmp_path / "records")


def test_a_record_that_disagrees_with_its_predictions_is_refused(make_run, tmp_path):
    file = record_lib.write(making.from_run(make_run("run")), tmp_path / "records")
    text = file.read_text()
    file.write_text(text.replace('"test_accuracy": 0.75', '"test_accuracy": 0.76'))
    with pytest.raises(UsageError, match=r"share of 0.75 is right. Received: test_accuracy=0.76"):
        record_lib.read(file)
    file.write_text(text)
    file.with_suffix(".bin").write_bytes(bytes(4))
    with pytest.raises(UsageError, match=r"must hold what its record says"):
        record_lib.read(file)
    file.with_suffix(".bin").unlink()
    with pytest.raises(UsageError, match=r"must lie beside its record"):
        record_lib.read(file)
