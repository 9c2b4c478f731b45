"""Searches as programs: killed, stopped, and with workers."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from trainers import errors, tune

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(tune.__file__).parents[1]
_SECONDS = 900


@pytest.fixture
def start(tmp_path):
    """(flags ..., environment) -> a process of trainers.tune on two classes of 8x8 pixels."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    images = rng.integers(0, 128, (200, 8, 8, 1)) + 127 * labels[:, None, None, None]
    parts = {"train_images": images[:150], "train_labels": labels[:150]}
    parts |= {"test_images": images[150:], "test_labels": labels[150:]}
    np.savez(tmp_path / "tiny.npz", **parts)
    flags = [
        *("--dataset=tiny.npz", "--num_labeled=20", "--num_validation=30", "--method=mle"),
        *("--labeled_batch_size=10", "--unlabeled_batch_size=20", "--tuner=grid"),
        *("--workdir=search", "--checkpoint_every=20"),
    ]
    started = []

    def begin(*arguments, **environment):
        process = subprocess.Popen(  # noqa: S603 (a program of this project)
            [sys.executable, "-m", "trainers.tune", *flags, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _wait_for_step(run, step):
    """Waits until the run at work has a checkpoint of at least this step."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        file = run / "status.json"
        if file.exists():
            status = json.loads(file.read_text())
            if status["status"] == "running" and status["step"] >= step:
                return
        time.sleep(0.05)
    pytest.fail(f"{run} never reached step {step}")


def test_a_search_goes_on_after_it_was_stopped_and_killed(start, tmp_path):
    flags = ["--search=learning_rate=choice:0.001,0.002", "--train_steps=4000"]
    run = tmp_path / "search" / "trials" / "0000" / "seed_1"

    stopped = start(*flags)
    _wait_for_step(run, 20)
    stopped.terminate()
    _, error = stopped.communicate(timeout=_SECONDS)
    assert stopped.returncode == errors.PREEMPTED, error
    assert re.search(r"this goes on from there: \S*python\S* -m trainers.tune --", error)
    status = json.loads((run / "status.json").read_text())
    assert status["status"] == "preempted" and 20 <= status["step"] < 4000

    killed = start(*flags)
    _wait_for_step(run, status["step"] + 20)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=_SECONDS)  # Not for the end of its output: the run writes on.

    # The run outlives the search that was killed; the next search waits for it.
    out, error = start(*flags).communicate(timeout=_SECONDS)
    assert error == ""
    assert "Going on with the search in search" in out
    assert (tmp_path / "search" / "best.flags").exists()
    for trial in ("0000", "0001"):
        lines = (run.parents[1] / trial / "seed_1" / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert {row["split"] for row in rows} == {"train", "validation"}
        assert [row["step"] for row in rows if row["split"] == "validation"] == [
            *range(500, 4001, 500)
        ]


def test_a_chief_and_two_workers(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    flags = ["--search=learning_rate=choice:1e-3,2e-3,1e-30,3e-3,4e-3,5e-3", "--train_steps=30"]
    processes = [
        start(
            *flags,
            KERASTUNER_TUNER_ID=name,
            KERASTUNER_ORACLE_IP="127.0.0.1",
            KERASTUNER_ORACLE_PORT=str(port),
        )
        for name in ("chief", "one", "two")
    ]
    outs = []
    for process in processes:
        out, error = process.communicate(timeout=_SECONDS)
        assert (process.returncode, error) == (0, "")
        outs.append(out)
    tried = [re.findall(r"^Trial (\d+), 30 steps", out, re.MULTILINE) for out in outs]
    assert tried[0] == [] and tried[1] and tried[2]
    assert sorted(tried[1] + tried[2]) == [f"000{number}" for number in range(6)]
    # The chief alone shows what they found: brightness is learnt, but not at a rate of 1e-30.
    rows = [line.split() for line in outs[0].splitlines() if re.match(r"\s+000\d ", line)]
    assert len(rows) == 6 and rows[-1][1] == "1e-30"
    assert "--learning_rate=1e-30\n" not in (tmp_path / "search" / "best.flags").read_text()
    assert "best.flags" in outs[0] and "best.flags" not in outs[1] + outs[2]
