"""The processes of a run, met and compared; alone where no other is asked for."""

import contextlib
import functools
import hashlib
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from trainers import errors
from trainers.errors import PeerLostError, UsageError
from trainers.run.peers import Peers, connected
from trainers.run.provenance import provenance
from trainers.settings import cluster as cluster_lib
from trainers.settings.experiment import Experiment

_PROJECT = pathlib.Path(__file__).resolve().parents[2]
# Of what a run's provenance says: machines may differ in the rest.
_SAME = ("commit", "tensorflow", "keras", "python")
# Seconds after another worker's end in which the main thread may come to it by itself; after which
# sums are broken off; after which the process is.
_BEFORE_ABORT = 2.0
_BEFORE_END = 60.0


@contextlib.contextmanager
def together(experiment: Experiment, flags: str) -> Iterator[Peers]:
    """The processes of the experiment: those in TF_CONFIG with --strategy=multi_worker, or this.

    Args:
        experiment: what to train.
        flags: the same, one flag a line.

    Raises:
        UsageError: TF_CONFIG is no good, or a worker has other flags or versions.
        PeerLostError: they are not all there within --connect_seconds.
    """
    if experiment.strategy != cluster_lib.STRATEGY:
        yield Peers()
        return
    cluster = cluster_lib.from_environment()
    with connected(cluster, seconds=experiment.connect_seconds) as peers:
        known = provenance()
        versions = {name: known[name] for name in _SAME}
        settings = dict(line.partition("=")[::2] for line in flags.splitlines())
        versions |= {"numpy": np.__version__, "sources": _sources()}
        gpus = len(tf.config.list_physical_devices("GPU"))
        peers.refuse_others({**settings, **versions, "GPUs": gpus})
        yield peers


@contextlib.contextmanager
def scratch(peers: Peers, workdir: str) -> Iterator[str]:
    """Where this process writes: the run's directory, or, if not the chief, a temporary one."""
    if peers.is_chief:
        yield workdir
        return
    with tempfile.TemporaryDirectory(prefix="xadv_worker_") as aside:
        yield aside


def strategy(peers: Peers) -> tf.distribute.Strategy:
    """TensorFlow's strategy over all workers; to be made before it does anything else.

    Raises:
        UsageError: it cannot be made.
    """
    # Before TensorFlow waits for all of them: nothing can wake it then, for it keeps Python's lock.
    _refuse_taken(peers)
    peers.all(None)
    peers.on_loss(functools.partial(_break_off, peers))
    handler = signal.getsignal(signal.SIGTERM)
    try:
        made = tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        raise UsageError(
            f"{cluster_lib.VARIABLE} must have addresses at which TensorFlow can listen. "
            f"Received: {peers.cluster.name(peers.cluster.index)} ({errors.reason(error)})"
        ) from error
    # TensorFlow's coordinator takes SIGTERM for itself, and tells nobody.
    signal.signal(signal.SIGTERM, handler)
    return made


def _sources() -> str:
    """A hash of the project's code, which a commit does not tell where it was changed since."""
    found = hashlib.sha256()
    for top in ("flags", "trainers", "xadv_tf"):
        for path in sorted((_PROJECT / top).rglob("*.py")):
            found.update(f"{path.relative_to(_PROJECT)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def _refuse_taken(peers: Peers) -> None:
    """Raises UsageError if another program listens at this worker's port."""
    cluster = peers.cluster
    host, port = cluster_lib.host_and_port(cluster.addresses[cluster.index])
    try:
        socket.create_server(
            ("", port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ).close()
    except OSError as error:
        raise UsageError(
            f"a worker's port in {cluster_lib.VARIABLE} must be free on its machine. "
            f"Received: {cluster.addresses[cluster.index]} ({error.strerror})"
        ) from error


def _break_off(peers: Peers, error: Exception) -> None:
    """Lets the main thread come back from sums that a worker no longer takes part in."""

    def abort() -> None:
        if not peers.left:
            with contextlib.suppress(Exception):  # There may be no strategy yet.
                context.context().abort_collective_ops(tf.errors.UNAVAILABLE, str(error))

    def end() -> None:
        if not peers.left:
            print(f"error: {errors.sentence(error)}", file=sys.stderr, flush=True)
            os._exit(_status(error))

    for seconds, act in ((_BEFORE_ABORT, abort), (_BEFORE_END, end)):
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()


def _status(error: Exception) -> int:
    if isinstance(error, PeerLostError):
        return errors.PREEMPTED
    return errors.MISTAKE if isinstance(error, UsageError) else errors.FAILED
