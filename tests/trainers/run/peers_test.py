"""Tests of trainers/run/peers.py: workers that are threads of this process."""

import pytest
import workers_support

from trainers.errors import PeerLostError, PreemptedError, RunFailedError, UsageError
from trainers.run.peers import Peers


def test_one_process_agrees_with_itself():
    alone = Peers()
    assert (alone.count, alone.is_chief, alone.connected) == (1, True, False)
    assert alone.all(3) == [3] and alone.chiefs(4) == 4 and alone.any(True)
    alone.refuse_others({"seed": 1})
    alone.raise_for_lost()


def test_all_learn_what_each_says_in_the_order_of_workers():
    def body(peers):
        index = peers.cluster.index
        return peers.all(10 * index), peers.chiefs(index), peers.any(index == 2), peers.any(False)

    assert workers_support.as_threads(3, body) == [([0, 10, 20], 0, True, False)] * 3


def test_whoever_differs_is_named_to_all():
    def body(peers):
        peers.refuse_others({"--seed": 1, "--method": "vat"})
        peers.refuse_others({"--seed": 1, **({"--method": "at"} if peers.cluster.index else {})})

    ends = workers_support.as_threads(2, body)
    assert {type(end) for end in ends} == {UsageError}
    (sentence,) = {str(end) for end in ends}
    assert sentence.startswith("worker 1 (127.0.0.1:")
    assert sentence.endswith(": --method=none. Received: --method=at")


@pytest.mark.parametrize("ending", [0, 1])
@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (UsageError("--x must be y"), UsageError, "ended by a mistake: --x must be y"),
        (RunFailedError("the disk is full"), RunFailedError, "failed: the disk is full"),
        (PeerLostError("it is dark"), PeerLostError, "left: it is dark"),
        (KeyboardInterrupt(), PeerLostError, "left: interrupted"),
    ],
    ids=["mistake", "failed", "lost", "interrupted"],
)
def test_the_others_say_why_one_has_ended(ending, error, expected, words):
    heard = []

    def body(peers):
        peers.on_loss(heard.append)
        peers.all(None)
        if peers.cluster.index == ending:
            raise error
        peers.all(None)

    ends = workers_support.as_threads(3, body)
    assert ends.pop(ending) is error
    for end in ends:
        assert type(end) is expected
        assert str(end).startswith(f"worker {ending} (") and str(end).endswith(f") {words}")
    assert sorted(map(str, heard)) == sorted(map(str, ends))


def test_a_worker_that_dies_is_lost_to_all():
    def body(peers):
        peers.all(None)
        if peers.cluster.index == 2:
            peers._links[0].close()  # As the system does for a process that it kills.
            return None
        with pytest.raises(PeerLostError, match=r"^worker 2 \(.*\) was lost; start all workers"):
            peers.all(None)
        peers.raise_for_lost()

    ends = workers_support.as_threads(3, body)
    assert [type(end) for end in ends] == [PeerLostError, PeerLostError, type(None)]


def test_nobody_is_lost_where_all_stop():
    def body(peers):
        peers.all(None)
        raise PreemptedError("stopped")

    assert [type(end) for end in workers_support.as_threads(3, body)] == [PreemptedError] * 3


def test_whoever_stops_first_is_not_missed():
    def body(peers):
        heard = []
        peers.on_loss(heard.append)
        peers.all(None)
        if not peers.is_chief:
            raise PreemptedError("stopped")
        assert peers._links[0].closed.wait(20) and peers._links[1].closed.wait(20)
        return heard  # The chief may take longer over a checkpoint.

    ends = workers_support.as_threads(3, body)
    assert ends[0] == [] and {type(end) for end in ends[1:]} == {PreemptedError}
