"""Several workers on this machine take the step that one process takes, or say why they do not."""

import json
import pathlib

import killable
import numpy as np
import pytest
import several_workers
import workers_support
from several_workers import FLAGS, GENERATOR, MLE, TABLE

from flags.methods import METHODS

# Every method, and what several of them have in common, is a row; how many workers it has.
_ROWS = {
    "mle": (MLE, 3),
    "at": (["--method=at", "--epsilon=0.1", "--unlabeled_batch_size=0"], 2),
    "vat": (["--method=vat"], 2),
    "noise": (["--method=vat", "--num_power_iterations=0"], 2),
    "vadd": (["--method=vadd", "--model=mnist_cnn", "--dropout=0.5", "--delta=0.05"], 2),
    "generator": (GENERATOR, 3),
    "table": (TABLE, 3),
    "alternating": ([*TABLE, "--alternating_steps=2"], 2),
    "xat": (["--method=xat", "--unlabeled_batch_size=0"], 2),
    "xat_table": (["--method=xat", "--mask=transductive", "--unlabeled_batch_size=0"], 2),
    "xvat+vat": (["--method=xvat+vat", "--mask=transductive"], 2),
    "random_mask": (["--method=random_mask", "--num_masks=2"], 2),
    "fixed_mask": (["--method=random_mask", "--fixed_masks"], 2),
    "teacher": (["--method=mean_teacher", "--model=mnist_cnn", "--dropout=0.5"], 2),
    # Epochs of 5 steps: the last two steps have targets.
    "ensemble": (["--method=temporal_ensembling", "--epochwise"], 3),
    "pi_model": (["--method=pi_model", "--flip", "--joined_batch"], 2),
    "ladder": (["--method=ladder", "--model=ladder_mlp"], 2),
    "catgan": (["--method=catgan"], 2),
    "feature_matching_gan": (["--method=feature_matching_gan"], 2),
    "entropy": (["--method=entropy"], 2),
    "pseudo_label": (["--method=pseudo_label", "--confidence_threshold=0.6"], 2),
}


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny(contrast=20)


def test_two_workers_are_one_process_of_two_replicas():
    said = several_workers.train(2, "two", *MLE, "--brief")
    several_workers.train_in_one_process(2, "one", *MLE)
    several_workers.check_close("two", "one")
    # The chief writes and talks, the other does neither.
    assert "MLE" in said[0] and said[1] == ""
    status = json.loads(pathlib.Path("two/status.json").read_text())
    assert (status["status"], status["step"]) == ("done", 7)


def test_every_method_has_a_row():
    named = {flag for flags, _ in _ROWS.values() for flag in flags if flag.startswith("--method=")}
    assert {f"--method={name}" for name in METHODS} <= named


@pytest.mark.slow
@pytest.mark.parametrize("name", _ROWS)
def test_workers_are_one_process_whatever_the_method(name):
    flags, count = _ROWS[name]
    several_workers.train(count, "several", *flags)
    several_workers.train_in_one_process(count, "one", *flags)
    several_workers.check_close("several", "one")


@pytest.mark.slow
def test_workers_read_their_shares_of_a_stream(tmp_path, store_noise):
    store_noise({"train": 100, "test": 10}, 2)
    flags = [*TABLE, "--dataset=noise", f"--data_dir={tmp_path}", "--num_validation=10"]
    several_workers.train(3, "memory", *flags)
    several_workers.train(3, "streamed", *flags, "--stream")
    several_workers.check_same("streamed", "memory")


def test_other_flags_of_the_third_are_refused_by_name():
    rates = [0.002, 0.002, 0.001]
    codes, said = several_workers.run(
        3, "run", each=lambda i: {"flags": [f"--learning_rate={rates[i]}"]}
    )
    assert codes == [2, 2, 2]
    assert said[0] == said[1] == said[2]
    assert said[0].startswith("error: worker 2 (127.0.0.1:")
    assert said[0].endswith(": --learning_rate=0.002. Received: --learning_rate=0.001\n")
    assert not pathlib.Path("run").exists()


@pytest.mark.slow
def test_other_data_of_the_third_are_refused_by_name():
    pathlib.Path("other").mkdir()
    arrays = dict(np.load("tiny.npz"))
    arrays["train_images"][3] += 1
    np.savez("other/tiny.npz", **arrays)
    codes, said = several_workers.run(
        3, pathlib.Path("run").absolute(), each=lambda i: {"folder": "other"} if i == 2 else {}
    )
    assert codes == [2, 2, 2]
    assert len({text.splitlines()[-1] for text in said}) == 1
    assert "error: worker 2 (" in said[0] and "Received: train.images_sha256=" in said[0]


def test_a_chief_that_cannot_be_reached(tmp_path):
    workers = workers_support.addresses(2)
    output = tmp_path / "output.txt"
    code = killable.run(
        *FLAGS,
        "--workdir=run",
        "--strategy=multi_worker",
        "--connect_seconds=1",
        output=output,
        tf_config=workers_support.tf_config(workers, 1),
    )
    assert code == 75
    said = output.read_text()
    assert said.startswith(f"error: worker 0 ({workers[0]}), the chief, could not be reached in 1 ")
    assert said.count("\n") == 1
