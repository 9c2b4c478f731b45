"""Several workers of which one fails, is killed or stopped: what they say, and how they go on."""

import json
import pathlib
import signal
import socket

import killable
import pytest
import several_workers
from several_workers import FLAGS, GENERATOR, MLE, TABLE

pytestmark = pytest.mark.slow

_AT_THE_THIRD_LINE = {"at": "run.run_directory:RunDirectory.log", "call": 3}
# Lives of a chief that saves its best after steps 3 and maybe 6, and checkpoints after 2, 4, 6, 7:
# where each ends, and the step from which the next one goes on. A save brings four things to the
# disk: two files, their folder, and, renamed, the folder around it.
_LIVES = [
    ({"at": "run.run_directory:RunDirectory.sync", "call": 2}, 2),  # Before all of it.
    ({"at": "run.storage:_sync", "call": 2}, 2),  # In the best.
    ({"at": "run.storage:_sync", "call": 6}, 2),  # In checkpoint 4.
    ({"at": "run.storage:_sync", "call": 8}, 4),  # It has its name.
    ({"at": "run.training:checksum", "call": 1}, 4),  # The other waits to compare.
    ({"at": "run.run_directory:RunDirectory.saved", "call": 1}, 6),  # status.json is behind.
    ({"at": "run.run_directory:RunDirectory.finish", "call": 1}, 7),
]


@pytest.fixture(autouse=True)
def tiny(make_tiny):
    make_tiny(contrast=20)


@pytest.mark.parametrize("killed", [0, 2], ids=["chief", "worker"])
def test_after_one_of_three_is_killed_all_go_on_to_the_same_bits(killed):
    several_workers.train(3, "whole", *TABLE)
    codes, said = several_workers.run(
        3, "cut", *TABLE, each=lambda i: _AT_THE_THIRD_LINE if i == killed else {}
    )
    assert codes.pop(killed) == -signal.SIGKILL
    assert codes == [75, 75], said
    said.pop(killed)
    for text in said:
        lost = text.splitlines()[-1]
        assert lost.startswith(f"error: worker {killed} (") and "start all workers again" in lost
    said = several_workers.train(3, "cut", *TABLE)
    assert "going on from step 2" in said[0]
    several_workers.check_same("cut", "whole")


def test_a_chief_killed_anywhere_in_a_save_leaves_a_whole_checkpoint():
    several_workers.train(2, "whole", *MLE)
    for life, step in _LIVES:
        codes, said = several_workers.run(2, "cut", *MLE, each=lambda i, at=life: {} if i else at)
        assert codes == [-signal.SIGKILL, 75], said
        assert said[1].splitlines()[-1].startswith("error: worker 0 (")
        saved = [int(p.name) for p in pathlib.Path("cut/checkpoints").iterdir() if p.suffix == ""]
        assert max(saved) == step
        assert json.loads(pathlib.Path("cut/status.json").read_text())["status"] == "running"
    said = several_workers.train(2, "cut", *MLE)
    assert "was killed; going on from step 7" in said[0] and "warning" not in said[0]
    several_workers.check_same("cut", "whole")
    left, expected = (
        {str(path.relative_to(run)) for path in pathlib.Path(run).glob("*/*") if path.is_dir()}
        for run in ("cut", "whole")
    )
    assert left == expected


@pytest.mark.parametrize("stopped", [0, 1], ids=["chief", "worker"])
def test_a_worker_that_hangs_is_lost(stopped):
    seconds = {"run.links:SILENCE": 8.0, "run.peers:SILENCE": 8.0, "run.links:_BETWEEN_BEATS": 1.0}
    hang = {"at": "run.training:_refuse_nonfinite", "call": 2, "send": signal.SIGSTOP}
    codes, said = several_workers.run(
        2, "run", *MLE, each=lambda i: {"constants": seconds, **(hang if i == stopped else {})}
    )
    assert codes[stopped] == -signal.SIGKILL and codes[1 - stopped] == 75, said
    last = said[1 - stopped].splitlines()[-1]
    assert last.startswith(f"error: worker {stopped} (")
    assert last.endswith(") said nothing for 8 s; start all workers again")


def test_an_address_that_is_taken_is_named_by_all():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        codes, said = several_workers.run(2, "run", *MLE, last=taken)
    assert codes == [2, 2], said
    assert said[0].startswith(f"error: worker 1 ({taken}) ended by a mistake: ")
    for text in said:
        assert text.count("\n") == 1
        assert f"must be free on its machine. Received: {taken} (Address already in use" in text


def test_a_signal_in_a_validation_waits_for_its_end():
    several_workers.train(2, "whole", *MLE)
    stop = {"at": "work.train:_compare", "call": 1, "send": signal.SIGTERM}
    codes, said = several_workers.run(2, "cut", *MLE, each=lambda i: stop if i == 1 else {})
    assert codes == [75, 75], said
    assert all("stopped at step 3, saved" in text for text in said)
    several_workers.train(2, "cut", *MLE)
    several_workers.check_same("cut", "whole")


def test_a_signal_to_one_stops_all_of_them_at_one_step():
    several_workers.train(2, "whole", *GENERATOR)
    stop = {"at": "run.training:_refuse_nonfinite", "call": 2, "send": signal.SIGTERM}
    codes, said = several_workers.run(2, "cut", *GENERATOR, each=lambda i: stop if i == 1 else {})
    assert codes == [75, 75]
    steps = {line.split(",")[0] for text in said for line in text.splitlines() if "saved" in line}
    assert len(steps) == 1
    assert json.loads(pathlib.Path("cut/status.json").read_text())["status"] == "preempted"
    several_workers.train(2, "cut", *GENERATOR)
    several_workers.check_same("cut", "whole")


def test_fewer_workers_may_go_on_with_a_run_and_one_process_may_not():
    codes, _ = several_workers.run(3, "run", *MLE, "--stop_at=3")
    assert codes == [75, 75, 75]
    output = pathlib.Path("alone.txt")
    alone = [*FLAGS, *MLE, "--workdir=run", "--strategy=one_device"]
    assert killable.run(*alone, output=output) == 2
    assert "there --strategy=multi_worker, received --strategy=one_device" in output.read_text()
    said = several_workers.train(2, "run", *MLE)
    assert "going on from step 3" in said[0]
    assert [line["step"] for line in several_workers.lines("run")] == [2, 3, 4, 6, 6, 7, 7, 7]


def test_a_mistake_of_one_is_said_by_all():
    codes, said = several_workers.run(2, "run", each=lambda i: {"folder": "/"} if i else {})
    assert codes == [2, 2]
    assert said[1].startswith("error: --dataset") and "tiny.npz" in said[1]
    assert said[0].startswith("error: worker 1 (")
    assert said[1].removeprefix("error: ") in said[0]


def test_what_fails_on_the_chief_ends_all():
    # Its run's directory cannot be written where the checkpoint goes.
    pathlib.Path("run").mkdir()
    pathlib.Path("run/checkpoints").write_text("")
    codes, said = several_workers.run(2, "run", "--method=mle")
    assert codes == [1, 1]
    assert said[0].splitlines()[-1].startswith("error: the checkpoint run/checkpoints/2 could not")
    last = said[1].splitlines()[-1]
    assert last.startswith("error: worker 0 (") and "xadv_worker_" not in last
