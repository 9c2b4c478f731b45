"""Several workers on this machine: they take the step that one process takes, or say why not."""

import json
import pathlib
import signal

import killable
import numpy as np
import pytest
import workers_support

# Logs, validation and checkpoints fall on different steps, and 3 replicas share both batches.
_FLAGS = [
    "--dataset=tiny.npz",
    "--num_labeled=20",
    "--num_validation=30",
    "--labeled_batch_size=12",
    "--unlabeled_batch_size=24",
    "--train_steps=7",
    "--steps_per_epoch=3",
    "--log_every=2",
    "--checkpoint_every=2",
]
_TABLE = ["--method=xvat", "--mask=transductive"]
_METHODS = {
    "table": _TABLE,
    "generator": ["--method=xvat", "--mask_learning_rate=0.1", "--flip", "--ema_decay=0.9"],
    "ensemble": ["--method=temporal_ensembling", "--epochwise"],
    "teacher": ["--method=mean_teacher", "--model=mnist_cnn", "--dropout=0.5"],
    "vat": ["--method=vat"],
    "mle": ["--method=mle", "--unlabeled_batch_size=0"],
    "adversary": ["--method=catgan"],
}
_LIMIT = 150  # Seconds: far more than any takes.


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny(contrast=20)


def _run(count, workdir, *flags, each=lambda index: {}):
    """Runs `count` workers to their ends.

    Args:
        count: how many.
        workdir: the run's directory.
        *flags: of all.
        each: index -> further arguments of `killable.start`, flags by the name "flags".

    Returns:
        The exit codes, and what each said.
    """
    workers = workers_support.addresses(count)
    processes = []
    for index in range(count):
        output = pathlib.Path(f"{workdir}.{index}.txt")
        output.write_text("")
        more = dict(each(index))
        own = more.pop("flags", [])
        config = workers_support.tf_config(workers, index)
        processes.append(
            killable.start(
                *_FLAGS,
                *flags,
                f"--workdir={workdir}",
                "--strategy=multi_worker",
                *own,
                **{"output": output, "tf_config": config, **more},
            )
        )
    for process in processes:
        process.join(_LIMIT)
        if process.exitcode is None:
            process.kill()
            process.join()
    said = [pathlib.Path(f"{workdir}.{index}.txt").read_text() for index in range(count)]
    return [process.exitcode for process in processes], said


def _train(count, workdir, *flags, **kwargs):
    codes, said = _run(count, workdir, *flags, **kwargs)
    assert codes == [0] * count, said
    return said


def _train_in_one_process(replicas, workdir, *flags):
    output = pathlib.Path(f"{workdir}.txt")
    flags = [*_FLAGS, *flags, f"--workdir={workdir}", "--strategy=mirrored"]
    assert killable.run(*flags, output=output, devices=replicas) == 0, output.read_text()


def _lines(workdir):
    lines = pathlib.Path(workdir, "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _check_close(workdir, expected):
    """All logs to 4 digits, and all that a checkpoint holds to a tenth of an Adam step."""
    assert len(_lines(workdir)) == len(_lines(expected)) == 8
    for line, other in zip(_lines(workdir), _lines(expected), strict=True):
        assert line.pop("split") == other.pop("split")
        assert line == pytest.approx(other, rel=1e-4, abs=1e-5)
    values, _ = killable.newest(pathlib.Path(workdir, "checkpoints"))
    others, _ = killable.newest(pathlib.Path(expected, "checkpoints"))
    assert values.keys() == others.keys()
    for name, value in values.items():
        np.testing.assert_allclose(value, others[name], rtol=1e-4, atol=1e-4, err_msg=name)


def _check_same(workdir, expected):
    """To the last bit."""
    assert _lines(workdir) == _lines(expected)
    for kind in ("checkpoints", "best"):
        values, rest = killable.newest(pathlib.Path(workdir, kind))
        others, other_rest = killable.newest(pathlib.Path(expected, kind))
        assert rest == other_rest
        assert values.keys() == others.keys()
        for name, value in values.items():
            assert np.array_equal(value, others[name]), name


def test_two_workers_are_one_process_of_two_replicas():
    flags = _METHODS["mle"]  # It compiles fastest.
    said = _train(2, "two", *flags, "--brief")
    _train_in_one_process(2, "one", *flags)
    _check_close("two", "one")
    # The chief writes and talks, the other does neither.
    assert "MLE" in said[0] and said[1] == ""
    status = json.loads(pathlib.Path("two/status.json").read_text())
    assert (status["status"], status["step"]) == ("done", 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [*((name, 2) for name in _METHODS if name != "mle"), ("table", 3)]
)
def test_workers_are_one_process_whatever_the_method(name, count):
    _train(count, "several", *_METHODS[name])
    _train_in_one_process(count, "one", *_METHODS[name])
    _check_close("several", "one")


_AT_THE_THIRD_LINE = {"at": "run.run_directory:RunDirectory.log", "call": 3}
_IN_A_CHECKPOINT = {"at": "run.storage:_sync", "call": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("killed", "where"),
    [(1, _AT_THE_THIRD_LINE), (0, _AT_THE_THIRD_LINE), (0, _IN_A_CHECKPOINT)],
    ids=["worker", "chief", "chief_saving"],
)
def test_after_one_is_killed_all_go_on_to_the_same_bits(killed, where):
    flags = _METHODS["table"]
    _train(2, "whole", *flags)
    codes, said = _run(2, "cut", *flags, each=lambda i: where if i == killed else {})
    assert codes[killed] == -signal.SIGKILL
    assert codes[1 - killed] == 75
    lost = said[1 - killed].splitlines()[-1]
    assert lost.startswith(f"error: worker {killed} (") and "start all workers again" in lost
    said = _train(2, "cut", *flags)
    assert "going on from step" in said[0]
    _check_same("cut", "whole")


@pytest.mark.slow
def test_a_signal_to_one_stops_all_of_them_at_one_step():
    flags = _METHODS["generator"]
    _train(2, "whole", *flags)
    stop = {"at": "run.training:_refuse_nonfinite", "call": 2, "send": signal.SIGTERM}
    codes, said = _run(2, "cut", *flags, each=lambda i: stop if i == 1 else {})
    assert codes == [75, 75]
    steps = {line.split(",")[0] for text in said for line in text.splitlines() if "saved" in line}
    assert len(steps) == 1
    assert json.loads(pathlib.Path("cut/status.json").read_text())["status"] == "preempted"
    _train(2, "cut", *flags)
    _check_same("cut", "whole")


def test_other_flags_are_refused_by_name():
    codes, said = _run(
        2, "run", each=lambda i: {"flags": [f"--learning_rate={0.001 if i else 0.002}"]}
    )
    assert codes == [2, 2]
    assert said[0] == said[1]
    assert said[0].startswith("error: worker 1 (127.0.0.1:")
    assert said[0].endswith(": --learning_rate=0.002. Received: --learning_rate=0.001\n")
    assert not pathlib.Path("run").exists()


@pytest.mark.slow
def test_other_data_are_refused_by_name(make_tiny):
    pathlib.Path("other").mkdir()
    arrays = dict(np.load("tiny.npz"))
    arrays["train_images"][3] += 1
    np.savez("other/tiny.npz", **arrays)
    codes, said = _run(
        2, pathlib.Path("run").absolute(), each=lambda i: {"folder": "other"} if i else {}
    )
    assert codes == [2, 2]
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]
    assert "worker 1" in said[0] and "Received: train.images_sha256=" in said[0]


def test_a_chief_that_cannot_be_reached(tmp_path):
    workers = workers_support.addresses(2)
    output = tmp_path / "output.txt"
    code = killable.run(
        *_FLAGS,
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


@pytest.mark.slow
def test_a_mistake_of_one_is_said_by_all():
    codes, said = _run(2, "run", each=lambda i: {"folder": "/"} if i else {})
    assert codes == [2, 2]
    assert said[1].startswith("error: --dataset") and "tiny.npz" in said[1]
    assert said[0].startswith("error: worker 1 (")
    assert said[1].removeprefix("error: ") in said[0]


@pytest.mark.slow
def test_what_fails_on_the_chief_ends_all():
    # Its run's directory cannot be written where the checkpoint goes.
    pathlib.Path("run").mkdir()
    pathlib.Path("run/checkpoints").write_text("")
    codes, said = _run(2, "run", "--method=mle")
    assert codes == [1, 1]
    assert said[0].splitlines()[-1].startswith("error: the checkpoint run/checkpoints/2 could not")
    last = said[1].splitlines()[-1]
    assert last.startswith("error: worker 0 (") and "xadv_worker_" not in last


@pytest.mark.slow
def test_workers_read_their_shares_of_a_stream(tmp_path, store_noise):
    store_noise({"train": 100, "test": 10}, 2)
    flags = [*_TABLE, "--dataset=noise", f"--data_dir={tmp_path}", "--num_validation=10"]
    _train(2, "memory", *flags)
    _train(2, "streamed", *flags, "--stream")
    _check_same("streamed", "memory")
