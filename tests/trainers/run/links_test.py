"""Tests of trainers/run/links.py: who is let in, and what is said of who does not come."""

import contextlib
import json
import socket
import threading
import time

import pytest
import workers_support

from trainers.errors import PeerLostError, UsageError
from trainers.run import links
from trainers.settings.cluster import Cluster, host_and_port


def _say(address, message):
    """What the chief answers to a first line; it is waited for until it listens."""
    while True:
        try:
            connection = socket.create_connection(host_and_port(address))
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            with connection:
                connection.sendall(message + b"\n")
                return connection.makefile().readline()


def test_a_chief_that_does_not_answer():
    workers = tuple(workers_support.addresses(2))
    start = time.monotonic()
    with pytest.raises(PeerLostError, match=r"^worker 0 \(.*the chief, could not be reached in 0"):
        links.meet(Cluster(workers, 1), seconds=0.5)
    assert 0.5 <= time.monotonic() - start < 5


def test_another_server_at_the_chiefs_address():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"

        def greet():
            other.settimeout(0.4)  # There is a try every 0.2 s.
            with contextlib.suppress(OSError):
                while True:
                    with other.accept()[0] as connection:
                        connection.sendall(b"220 smtp\n")

        server = threading.Thread(target=greet)
        server.start()
        with pytest.raises(PeerLostError, match="it said nothing that a chief says"):
            links.meet(Cluster((address, "127.0.0.1:1"), 1), seconds=0.5)
        server.join()


def test_workers_that_do_not_come_are_named_to_those_who_did():
    ends = workers_support.as_threads(3, lambda peers: None, seconds=1, indices=[0, 2])
    for end in ends:
        assert type(end) is PeerLostError
        assert str(end).startswith("worker 1 (") and str(end).endswith(") did not come in 1 s")


def test_two_workers_of_one_index():
    ends = workers_support.as_threads(2, lambda peers: peers.all(1), indices=[0, 1], seconds=20)
    assert ends == [[1, 1], [1, 1]]
    ends = workers_support.as_threads(3, lambda peers: None, indices=[0, 1, 1], seconds=1)
    assert sorted(type(end).__name__ for end in ends) == [
        *("PeerLostError", "PeerLostError", "UsageError"),
    ]
    (refused,) = (end for end in ends if isinstance(end, UsageError))
    assert str(refused).startswith("TF_CONFIG must have another index on each worker. Received")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (b"GET / HTTP/1.1", "one cluster"),
        (b'{"worker": 1, "cluster": ["other:1"]}', "one cluster"),
        (b"[1]", "one cluster"),
        (None, "an index of its cluster"),
    ],
)
def test_strangers_are_sent_away(message, answer):
    workers = workers_support.addresses(2)
    if message is None:
        message = json.dumps({"worker": 7, "cluster": workers}).encode()
    met = []
    chief = threading.Thread(
        target=lambda: met.extend(links.meet(Cluster(tuple(workers), 0), seconds=20))
    )
    chief.start()
    assert answer in json.loads(_say(workers[0], message))["sentence"]
    met.extend(links.meet(Cluster(tuple(workers), 1), seconds=20))
    chief.join()
    assert len(met) == 2
    for link in met:
        link.close()


def test_a_worker_may_die_and_come_back_before_all_are_there():
    workers = workers_support.addresses(2)
    first = Cluster((*workers, "127.0.0.1:1"), 0)
    met = []
    chief = threading.Thread(target=lambda: met.extend(links.meet(first, seconds=20)))
    chief.start()
    connection = _hello(first.addresses, 1)
    time.sleep(0.1)
    connection.close()
    others = [
        threading.Thread(
            target=lambda i=i: met.extend(links.meet(Cluster(first.addresses, i), seconds=20))
        )
        for i in (2, 1)
    ]
    for other in others:  # The one that lives comes first: then all would seem to be there.
        other.start()
        time.sleep(0.1)
    for thread in (chief, *others):
        thread.join()
    assert len(met) == 4
    for link in met:
        link.close()


def test_a_port_that_is_taken():
    with socket.create_server(("", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UsageError, match=rf"must be free .*Received: {address}"):
            links.meet(Cluster((address, "127.0.0.1:1"), 0), seconds=1)


def _hello(workers, index):
    """A connection on which worker `index` has said who it is, and nothing after it."""
    hello = json.dumps({"worker": index, "cluster": list(workers)}).encode()
    while True:
        try:
            connection = socket.create_connection(host_and_port(workers[0]))
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            connection.sendall(hello + b"\n")
            return connection


def test_a_peer_that_says_nothing_is_silent_and_one_that_has_nothing_to_say_is_not(monkeypatch):
    monkeypatch.setattr(links, "SILENCE", 0.6)
    monkeypatch.setattr(links, "_BETWEEN_BEATS", 0.1)
    workers = tuple(workers_support.addresses(3))
    ends, heard = [], threading.Event()
    chief = threading.Thread(
        target=lambda: ends.append(links.meet(Cluster(workers, 0), seconds=20))
    )
    chief.start()
    with _hello(workers, 2):  # Of a process that is stopped from then on.
        (mine,) = links.meet(Cluster(workers, 1), seconds=20)
        chief.join()
        said = []

        def ended(*how):
            said.append(how)
            heard.set()

        mine.start(0, ended)
        for index, link in enumerate(ends[0], start=1):
            link.start(index, ended)
        assert heard.wait(10)
        time.sleep(0.3)
        assert said == [(2, "silent", None)]
    for link in (mine, *ends[0]):
        link.close()


def test_whoever_was_sent_away_last_is_told_with_who_did_not_come():
    workers = workers_support.addresses(2)
    ends = []

    def meet():
        with pytest.raises(PeerLostError) as caught:
            links.meet(Cluster(tuple(workers), 0), seconds=1)
        ends.append(str(caught.value))

    chief = threading.Thread(target=meet)
    chief.start()
    with _hello([workers[0], "other:1"], 1):
        chief.join()
    (sentence,) = ends
    assert sentence.startswith(
        f"worker 1 ({workers[1]}) did not come in 1 s; whoever came last was"
    )
    assert sentence.endswith(
        f"sent away: TF_CONFIG must have one cluster on all workers. Received: "
        f"{[workers[0], 'other:1']}, and on worker 0 ({workers[0]}) {workers}"
    )
