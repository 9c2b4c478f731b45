"""Tests of trainers/run/workers.py; tests/trainers/multi_worker_test.py has workers that train."""

import functools
import os
import pathlib
import socket
import threading
import time

import pytest
import workers_support

from trainers.errors import PeerLostError, RunFailedError, UsageError
from trainers.run import workers
from trainers.run.peers import Peers
from trainers.settings import experiment as experiment_lib
from trainers.settings.cluster import Cluster, host_and_port


def _together(*arguments):
    values = experiment_lib.parse(["--workdir=none", *arguments])
    experiment = experiment_lib.from_flags(values)
    return workers.together(experiment, experiment_lib.to_flagfile(values))


def test_other_strategies_are_of_one_process(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "no matter")
    with _together("--strategy=mirrored") as peers:
        assert (peers.count, peers.connected) == (1, False)


def test_a_cluster_of_one_is_met_at_once(monkeypatch):
    (address,) = workers_support.addresses(1)
    monkeypatch.setenv("TF_CONFIG", workers_support.tf_config([address], 0))
    with _together("--strategy=multi_worker") as peers:
        assert (peers.count, peers.connected) == (1, True)


def test_another_version_is_refused_by_name_and_other_hardware_is_not(monkeypatch):
    addresses = tuple(workers_support.addresses(2))
    commits = ["old", "new"]

    def index():
        return int(threading.current_thread().name)

    def provenance():
        versions = {"tensorflow": "2.21", "keras": "3.15", "python": "3.11"}
        return {**versions, "commit": commits[index()], "hardware": f"machine {index()}"}

    monkeypatch.setattr(workers, "provenance", provenance)
    monkeypatch.setattr(
        workers.cluster_lib, "from_environment", lambda: Cluster(addresses, index())
    )
    ends = {}

    def work():
        try:
            with _together("--strategy=multi_worker", "--connect_seconds=20") as peers:
                ends[index()] = peers.count
        except UsageError as error:
            ends[index()] = str(error)

    def meet():
        threads = [threading.Thread(target=work, name=str(i)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends.pop(0), ends.pop(1)

    sentence, same = meet()
    assert sentence == same
    assert sentence.startswith("worker 1 (")
    assert sentence.endswith("has: commit=old. Received: commit=new")
    commits[1] = "old"
    assert meet() == (2, 2)


def test_the_chief_alone_writes_where_it_was_asked_to():
    def body(peers):
        with workers.scratch(peers, "run") as folder:
            return folder, os.path.isdir(folder)

    (chief, there), (other, other_there) = workers_support.as_threads(2, body)
    assert (chief, there) == ("run", False)  # Made where it is opened.
    assert other != "run" and other_there
    assert not pathlib.Path(other).exists()


def test_a_port_that_is_taken_is_said_by_all_before_tensorflow_waits(monkeypatch):
    monkeypatch.setattr(
        workers.tf.distribute, "MultiWorkerMirroredStrategy", lambda: pytest.fail("it was made")
    )

    def body(peers):
        if not peers.cluster.index:
            return workers.strategy(peers)
        with socket.create_server(("", host_and_port(peers.cluster.addresses[1])[1])):
            return workers.strategy(peers)

    ends = workers_support.as_threads(2, body)
    assert [type(end) for end in ends] == [UsageError] * 2
    sentence = "a worker's port in TF_CONFIG must be free on its machine. Received: 127.0.0.1:"
    assert str(ends[1]).startswith(sentence)
    assert str(ends[0]).endswith(f") ended by a mistake: {ends[1]}")


@pytest.mark.parametrize(
    ("error", "status"),
    [(UsageError("x"), 2), (RunFailedError("x"), 1), (PeerLostError("x"), 75)],
    ids=["mistake", "failed", "lost"],
)
def test_whoever_still_waits_in_tensorflow_is_ended(error, status, monkeypatch, capsys):
    ended = threading.Event()
    statuses = []

    def exit_with(status):
        statuses.append(status)
        ended.set()

    monkeypatch.setattr(workers.os, "_exit", exit_with)
    monkeypatch.setattr(workers, "_BEFORE_ABORT", 0.0)
    monkeypatch.setattr(workers, "_BEFORE_END", 0.1)

    def body(peers):
        if peers.cluster.index:
            raise error
        peers.on_loss(functools.partial(workers._break_off, peers))
        assert ended.wait(30)

    workers_support.as_threads(2, body)
    assert statuses == [status]
    assert capsys.readouterr().err.startswith("error: worker 1 (")


def test_whoever_has_come_to_its_end_by_itself_is_let_go(monkeypatch):
    monkeypatch.setattr(workers.os, "_exit", lambda status: pytest.fail("it was ended"))
    monkeypatch.setattr(workers, "_BEFORE_ABORT", 0.2)
    monkeypatch.setattr(workers, "_BEFORE_END", 0.2)

    def body(peers):
        peers.on_loss(functools.partial(workers._break_off, peers))
        if peers.cluster.index:
            raise RunFailedError("x")
        peers.all(None)

    ends = workers_support.as_threads(2, body)
    time.sleep(0.4)
    assert [type(end) for end in ends] == [RunFailedError] * 2


def test_one_process_loses_nobody():
    Peers().on_loss(lambda error: pytest.fail(str(error)))
