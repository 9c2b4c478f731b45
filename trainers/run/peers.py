"""What the processes of one run agree on: JSON between each and the first, beside their sums.

TensorFlow sums over the workers of a run, and does no more: workers that differ in anything wait
for one another for ever, and so do those whose peer has gone. Here they first meet and compare what
they are, agree on each decision that a clock or a signal makes, and learn at once when one is lost.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trainers import errors
from trainers.errors import PeerLostError, PreemptedError, UsageError
from trainers.run.links import ENDS, NOTHING, SILENCE, Link, meet
from trainers.settings import program
from trainers.settings.cluster import Cluster

# Seconds.
_FOR_LAST_WORDS = 3.0
_FOR_GOODBYE = 30.0


class Peers:
    """The processes of a run; without links the only one.

    Args:
        cluster: who they are.
        links: connections, not started: the chief's to each other, in their order, or to the chief.

    Attributes:
        count: how many there are.
        connected: whether there may be others.
        is_chief: whether this one writes the run's directory.
        left: whether it has ended its part.
    """

    def __init__(self, cluster: Cluster | None = None, links: Sequence[Link] = ()) -> None:
        self.cluster = cluster or Cluster(("this machine",), 0)
        self.count = len(self.cluster.addresses)
        self.connected = cluster is not None
        self.is_chief = self.cluster.index == 0
        self._end: tuple[str, str] | None = None
        self.left = False
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._call_on_loss: Callable[[Exception], None] = lambda error: None
        self._links = links
        for index, link in enumerate(links, start=1 if self.is_chief else 0):
            link.start(index, self._peer_ended)

    def all(self, value: Any) -> list[Any]:
        """Every worker's value, in their order; all of them must call it.

        Args:
            value: this worker's; JSON.

        Raises:
            PeerLostError: another worker is gone.
            RunFailedError, UsageError: another worker has ended by it.
        """
        if not self._links:
            return [value]
        if self.is_chief:
            values = [value, *(self._receive(link) for link in self._links)]
            for link in self._links:
                link.send({"value": values})
            return values
        self._links[0].send({"value": value})
        values = list(self._receive(self._links[0]))
        return values

    def chiefs(self, value: Any) -> Any:
        """The chief's value; as `all`."""
        return self.all(value)[0]

    def any(self, value: bool) -> bool:
        """Whether it is true for one of them; as `all`."""
        return any(self.all(value))

    def refuse_others(self, what: Mapping[str, Any]) -> None:
        """Compares what must be the same on all workers.

        Args:
            what: {name: value}; JSON.

        Raises:
            UsageError: a worker has other values than the chief; the same sentence on each.
        """
        chief, *others = self.all(dict(what))
        for index, other in enumerate(others, start=1):
            names = [name for name in {**chief, **other} if chief.get(name) != other.get(name)]
            if names:
                there, here = (
                    ", ".join(f"{name}={values.get(name, 'none')}" for name in names)
                    for values in (chief, other)
                )
                raise UsageError(
                    f"{self.cluster.name(index)} must have what {self.cluster.name(0)} has: "
                    f"{there}. Received: {here}"
                )

    def on_loss(self, call: Callable[[Exception], None]) -> None:
        """Has `call` called, at most once and in any thread, when another worker has ended.

        Args:
            call: given what `all` raises from then on.
        """
        with self._lock:
            self._call_on_loss = call
            known = self._end is not None
        if known:
            call(self._error())

    def raise_for_lost(self) -> None:
        """Raises for another worker's end if it is known, or becomes known within seconds.

        For whoever sees a sum fail: its connection may break before the news is here.
        """
        if self._links and self._ended.wait(_FOR_LAST_WORDS):
            raise self._error()

    def leave(self, error: BaseException | None) -> None:
        """Tells the others how this worker ends; at a good end waits until all have ended.

        Args:
            error: what it ends by; None, or that it was preempted, is a good end.
        """
        with self._lock:
            self.left = True
        kind = _kind(error)
        if kind is None:
            for link in self._links:
                link.send({"bye": True})
            if self.is_chief:  # It goes last: TensorFlow's coordinator lives in it.
                deadline = time.monotonic() + _FOR_GOODBYE
                for link in self._links:
                    link.closed.wait(max(0.0, deadline - time.monotonic()))
        elif self._end is None:
            sentence = "interrupted"
            if isinstance(error, Exception):
                sentence = program.in_flags(errors.sentence(error))
            words = {"mistake": "ended by a mistake", "failed": "failed"}.get(kind, "left")
            self._tell(kind, f"{self.cluster.name(self.cluster.index)} {words}: {sentence}")
        for link in self._links:
            link.close()

    def _receive(self, link: Link) -> Any:
        value = link.values.get()
        if value is NOTHING:
            raise self._error()
        return value

    def _error(self) -> Exception:
        kind, sentence = self._end or ("lost", "a worker left")
        return ENDS[kind](sentence)

    def _peer_ended(self, index: int, kind: str, sentence: str | None) -> None:
        """In a link's thread: a peer was lost, or tells why it or another one ends."""
        how = f"said nothing for {SILENCE:g} s" if kind == "silent" else "was lost"
        sentence = sentence or f"{self.cluster.name(index)} {how}; start all workers again"
        with self._lock:
            if self._end is not None or self.left:
                return
            self._end = kind, sentence
            call = self._call_on_loss
        if self.is_chief:
            self._tell(kind, sentence)
        self._ended.set()
        for link in self._links:
            link.values.put(NOTHING)
        call(self._error())

    def _tell(self, kind: str, sentence: str) -> None:
        for link in self._links:
            link.send({"end": kind, "sentence": sentence})


@contextlib.contextmanager
def connected(cluster: Cluster, *, seconds: float) -> Iterator[Peers]:
    """Within it the workers know each other; at its end they are told how this one has ended.

    Args:
        cluster: who they are.
        seconds: how long to wait for them.

    Raises:
        PeerLostError, UsageError: as `links.meet`.
    """
    peers = Peers(cluster, meet(cluster, seconds=seconds))
    try:
        yield peers
    except BaseException as error:
        peers.leave(error)
        raise
    peers.leave(None)


def _kind(error: BaseException | None) -> str | None:
    """How an error ends a worker, for the others; None for a good end."""
    if error is None or isinstance(error, PreemptedError):
        return None
    if isinstance(error, PeerLostError) or not isinstance(error, Exception):
        return "lost"
    return "mistake" if isinstance(error, ValueError) else "failed"
