import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers.errors import UsageError
from trainers.run import assembly
from trainers.run.restore import restore


@pytest.mark.parametrize(
    "flags",
    [
        ("--method=xvat", "--mask=transductive"),
        pytest.param(
            ("--method=xvat", "--precision=mixed_bfloat16", "--strategy=mirrored"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_comes_back_as_it_was(make_run, flags):
    workdir, method = make_run(*flags, steps=2)
    experiment, data, again = restore(str(workdir))
    assert experiment.method == "xvat"
    assert int(again.step) == 2
    assert len(data.split.labeled) == 100
    # The table's rows drift with the state of their optimizer, so this reads all of the run.
    index = tf.range(0, 4000, 100)
    image = tf.gather(data.pool.image, index)
    for name, value in method.perturb(image, index=index).items():
        np.testing.assert_array_equal(again.perturb(image, index=index)[name], value, err_msg=name)
    np.testing.assert_array_equal(again(image), method(image))


def test_a_missing_run_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"config\.flags .*--workdir=/nowhere"):
        restore("/nowhere")
    with pytest.raises(UsageError, match="--additive_workdir must name"):
        restore("", flag="--additive_workdir")
    (tmp_path / "config.flags").write_text("--method=mle\n--unlabeled_batch_size=5\n")
    with pytest.raises(UsageError, match="with an intact checkpoint; train it first"):
        restore(str(tmp_path))


def test_data_that_have_moved_are_found_where_the_command_line_says(
    make_run, store_noise, tmp_path
):
    store_noise({"train": 70, "test": 9}, 3)
    small = ["--num_labeled=12", "--labeled_batch_size=6", "--unlabeled_batch_size=8"]
    run, method = make_run(*small, "--dataset=noise", f"--data_dir={tmp_path}", "--method=mle")
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "noise").rename(moved / "noise")
    with pytest.raises(ValueError, match="which holds moved. Received: dataset=.noise."):
        restore(str(run))
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", f"--data_dir={moved}"])
        _, data, again = restore(str(run))
    np.testing.assert_array_equal(again(data.test[0][:5]), method(data.test[0][:5]))


def test_the_best_weights_are_those_of_their_own_checkpoint(make_run, tmp_path):
    first, method = make_run("--method=mle", "--num_validation=50", steps=3)
    shutil.copytree(first, tmp_path / "run")
    last, _ = make_run("--method=mle", "--num_validation=50", steps=5)
    shutil.copytree(first / "checkpoints", tmp_path / "run" / "best")
    shutil.copytree(last / "checkpoints", tmp_path / "run" / "checkpoints", dirs_exist_ok=True)
    _, data, best = restore(str(tmp_path / "run"), weights="best")
    assert int(best.step) == 3
    np.testing.assert_array_equal(best(data.test[0][:5]), method(data.test[0][:5]))
    assert int(restore(str(tmp_path / "run"))[2].step) == 5


def test_averaged_weights_are_evaluated_where_that_is_asked_for(make_run):
    workdir, method = make_run("--method=mle", "--ema_decay=0.5", steps=3)
    _, data, last = restore(str(workdir))
    _, _, averaged = restore(str(workdir), weights="ema")
    image = data.test[0][:5]
    np.testing.assert_array_equal(last(image), method.classifier(image))
    np.testing.assert_array_equal(averaged(image), method.averaged(image))
    assert np.max(np.abs(last(image) - averaged(image))) > 1e-4


def test_weights_that_a_run_does_not_have(make_run):
    workdir, _ = make_run("--method=mle")
    with pytest.raises(UsageError, match="--weights=best needs .*--num_validation"):
        restore(str(workdir), weights="best")
    with pytest.raises(UsageError, match="--weights=ema needs a run with --ema_dec"):
        restore(str(workdir), weights="ema")


def test_a_checkpoint_that_a_running_run_takes_away_gives_place_to_its_successor(
    make_run, tmp_path, monkeypatch
):
    workdir, _ = make_run("--method=mle", "--num_validation=50", steps=3)
    later, method = make_run("--method=mle", "--num_validation=50", steps=5)
    shutil.copytree(workdir, tmp_path / "run")
    place = tmp_path / "run" / "checkpoints"
    read = tf.train.Checkpoint.read

    def read_late(self, path, *args, **kwargs):
        if (place / "3").exists():
            shutil.copytree(later / "checkpoints" / "5", place / "5")
            shutil.rmtree(place / "3")
        return read(self, path, *args, **kwargs)

    monkeypatch.setattr(tf.train.Checkpoint, "read", read_late)
    _, data, again = restore(str(tmp_path / "run"))
    assert int(again.step) == 5
    np.testing.assert_array_equal(again(data.test[0][:5]), method(data.test[0][:5]))


def test_a_run_whose_checkpoints_are_all_taken_away(make_run, tmp_path, monkeypatch):
    workdir, _ = make_run("--method=mle", "--num_validation=50", steps=3)
    shutil.copytree(workdir, tmp_path / "run")
    build = assembly.build_method

    def build_slowly(*args, **kwargs):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / "3")
        return build(*args, **kwargs)

    monkeypatch.setattr(assembly, "build_method", build_slowly)
    with pytest.raises(UsageError, match="checkpoints/3 can no longer be read"):
        restore(str(tmp_path / "run"))
