import json

import pytest

from trainers.errors import UsageError
from trainers.run import predictions, results


def test_a_damaged_result_is_that_of_a_run_that_is_not_finished(tmp_path, result):
    assert results.read(tmp_path) is None
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert results.read(tmp_path) == result
    for damaged in (
        json.dumps({**result, "seed": 1})[:-5],
        json.dumps({**result, "test_accuracy": "0.5"}),
        json.dumps({**result, "milliseconds_per_step": None}),
    ):
        (tmp_path / "result.json").write_text(damaged)
        with pytest.warns(UserWarning, match=r"result\.json is damaged .* counts as not finished"):
            assert results.read(tmp_path) is None


def test_a_directory_of_a_finished_run_need_not_be_writable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--workdir must be a writable directory"):
        results.refuse_other_run(str(tmp_path / "file" / "run"), "")
    results.refuse_other_run(str(tmp_path / "run"), "")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("accuracy", "damage"),
    [
        (0.99, "test_accuracy is 0.99, of the predictions beside it 0.7500 are right"),
        (float("nan"), "test_accuracy is nan, "),
        (0.75, None),
        (0.75 + 4e-8, None),  # As float32 may have it.
        (None, None),
    ],
)
def test_a_result_that_its_predictions_contradict_is_none(tmp_path, result, accuracy, damage):
    predictions.write(tmp_path, [0, 1, 2, 3], [0, 1, 2, 0])
    (tmp_path / results.NAME).write_text(json.dumps({**result, "test_accuracy": accuracy}))
    if damage is None:
        assert results.read(tmp_path)["test_accuracy"] == accuracy
        return
    with pytest.warns(UserWarning, match=damage):
        assert results.read(tmp_path) is None


def test_predictions_that_are_damaged_are_made_again_by_the_runs_command(tmp_path, result):
    (tmp_path / results.NAME).write_text(json.dumps(result))
    (tmp_path / predictions.NAME).write_bytes(b"not what it was")
    with pytest.warns(UserWarning, match="holds no predictions.*its command writes it anew"):
        assert results.read(tmp_path) is None
