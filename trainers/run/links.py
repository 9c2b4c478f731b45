"""Connections between the processes of a run: how they meet, and JSON in lines from then on.

Nothing that comes is run or unpickled, and whoever connects without knowing the run is sent away.
But neither this nor TensorFlow's traffic is encrypted: both belong into a network of one's own.
"""

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trainers import errors
from trainers.errors import PeerLostError, RunFailedError, UsageError
from trainers.settings.cluster import VARIABLE, Cluster, host_and_port

# What a link's `values` has at the end.
NOTHING = object()
# How a worker ends other than well, and what the others raise of it.
ENDS: Mapping[str, type[Exception]] = {
    "mistake": UsageError,
    "failed": RunFailedError,
    "lost": PeerLostError,
    "silent": PeerLostError,
}
# Seconds. Python is kept from its other threads while it copies a large array.
SILENCE = 60.0
_BETWEEN_BEATS = 5.0
_BETWEEN_TRIES = 0.2
_FOR_A_HELLO = 10.0
_FOR_LAST_WORDS = 3.0


class Link:
    """One connection; once started, with a thread that reads from it and one that says "alive".

    A process that is stopped, and a machine without power or network, leave a connection open: only
    that nothing comes tells of them.

    Args:
        connection: a socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.values: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.closed = threading.Event()
        self._socket = connection
        self._messages = _messages(connection)
        self._sending = threading.Lock()

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next message before `start`; {} if there is none in time."""
        self._socket.settimeout(max(0.01, seconds))
        try:
            return next(self._messages, {})
        except TimeoutError:
            return {}

    @property
    def alive(self) -> bool:
        """Before `start`: whether the other end still holds it."""
        try:
            self._socket.settimeout(0.0)
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def start(self, index: int, ended: Callable[[int, str, str | None], None]) -> None:
        """Reads from here on.

        Args:
            index: the worker at the other end.
            ended: (index, one of ENDS, sentence or None) is called if it ends otherwise than well.
        """
        self._socket.settimeout(SILENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._listen, args=(index, ended), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends; that a connection is broken is noticed where it is read."""
        with contextlib.suppress(OSError), self._sending:
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Ends the connection; what was sent arrives."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _listen(self, index: int, ended: Callable[[int, str, str | None], None]) -> None:
        parted, end = False, "lost"
        try:
            for message in self._messages:
                if "value" in message:
                    self.values.put(message["value"])
                elif "end" in message:
                    ended(index, str(message["end"]), str(message.get("sentence")))
                parted = parted or "end" in message or "bye" in message
        except TimeoutError:
            end = "silent"
        if not parted:
            ended(index, end, None)
        self.values.put(NOTHING)
        self.closed.set()

    def _beat(self) -> None:
        while not self.closed.wait(_BETWEEN_BEATS):
            self.send({"alive": True})


def meet(cluster: Cluster, *, seconds: float) -> list[Link]:
    """Waits until all are there; gives the chief its links to the others, and them theirs to it.

    The chief listens at its address, and leaves it to TensorFlow once all are there.

    Args:
        cluster: who they are, and who this one is.
        seconds: how long to wait.

    Raises:
        PeerLostError: not all are there in time.
        UsageError: the chief's port is taken, or TF_CONFIG is not of the same run on both.
    """
    deadline = time.monotonic() + seconds
    return (_reach if cluster.index else _gather)(cluster, deadline, seconds)


def _gather(cluster: Cluster, deadline: float, seconds: float) -> list[Link]:
    """The chief's way: one connection of each other worker."""
    host, port = host_and_port(cluster.addresses[0])
    links: dict[int, Link] = {}
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server(("", port), family=family)
    except OSError as error:
        raise UsageError(
            f"the chief's port in {VARIABLE} must be free on its machine. "
            f"Received: {cluster.addresses[0]} ({error.strerror})"
        ) from error
    sent_away = ""
    with listener:
        while len(links) < len(cluster.addresses) - 1:
            listener.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                link = Link(listener.accept()[0])
            except TimeoutError:
                missing = [i for i in range(1, len(cluster.addresses)) if i not in links]
                late = f"{', '.join(map(cluster.name, missing))} did not come in {seconds:g} s"
                late += sent_away
                for link in links.values():
                    link.send({"end": "lost", "sentence": late})
                    link.close()
                raise PeerLostError(late) from None
            index, why = _newcomer(link.receive(_FOR_A_HELLO), cluster, links)
            if index is None:
                sent_away = f"; whoever came last was sent away: {why}"
                link.send({"end": "mistake", "sentence": why})
                link.close()
            else:
                if index in links:
                    links[index].close()
                links[index] = link
                # Who died while it waited for the others comes again, and must find the chief.
                for gone in [i for i, each in links.items() if not each.alive]:
                    links.pop(gone).close()
    for link in links.values():
        link.send({"welcome": True})
    return [links[index] for index in sorted(links)]


def _newcomer(
    message: Mapping[str, Any], cluster: Cluster, links: Mapping[int, Link]
) -> tuple[int | None, str]:
    """Which worker has connected; None, and why, for one that is sent away."""
    index = message.get("worker")
    if message.get("cluster") != list(cluster.addresses):
        return None, (
            f"{VARIABLE} must have one cluster on all workers. Received: "
            f"{message.get('cluster')}, and on {cluster.name(0)} {list(cluster.addresses)}"
        )
    if type(index) is not int or not 0 < index < len(cluster.addresses):
        return None, f"{VARIABLE} must have an index of its cluster. Received: {index}"
    if index in links and links[index].alive:
        return None, (
            f"{VARIABLE} must have another index on each worker. "
            f"Received: a second {cluster.name(index)}"
        )
    return index, ""


def _reach(cluster: Cluster, deadline: float, seconds: float) -> list[Link]:
    """The way of the others: a connection to the chief."""
    while True:
        try:
            left = max(0.01, deadline - time.monotonic())
            address = host_and_port(cluster.addresses[0])
            link = Link(socket.create_connection(address, timeout=left))
        except OSError as error:
            why = errors.reason(error) or type(error).__name__
        else:
            link.send({"worker": cluster.index, "cluster": list(cluster.addresses)})
            # The chief's time may end a little later: it knows who did not come.
            last_words = deadline + _FOR_LAST_WORDS
            answer = link.receive(last_words - time.monotonic())
            if "welcome" in answer:
                return [link]
            waits = not answer and time.monotonic() >= last_words
            link.close()
            if answer.get("end") in ENDS:
                raise ENDS[answer["end"]](str(answer.get("sentence")))
            why = "it did not answer" if waits else "it said nothing that a chief says"
        if time.monotonic() >= deadline:
            raise PeerLostError(
                f"{cluster.name(0)}, the chief, could not be reached in {seconds:g} s ({why})"
            )
        time.sleep(_BETWEEN_TRIES)


def _messages(link: socket.socket) -> Iterator[dict[str, Any]]:
    """What comes, until the connection ends or something else than messages comes.

    Raises:
        TimeoutError: the socket's time is over.
    """
    rest = b""
    while True:
        try:
            received = link.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            return
        if not received:
            return
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                return
            if not isinstance(message, dict):
                return
            yield message
