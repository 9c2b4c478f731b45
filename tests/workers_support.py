"""Addresses of workers on this machine, and workers that are threads."""

import json
import socket
import threading

from trainers.run import peers
from trainers.settings.cluster import Cluster


def addresses(count):
    """As many "host:port" that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


def tf_config(workers, index):
    """TF_CONFIG of one of the workers at these addresses."""
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def as_threads(count, body, *, seconds=20, indices=None):
    """Connects `count` workers, of which those of `indices` come, and has each call body(peers).

    Returns:
        What each returned or raised.
    """
    workers, ends = tuple(addresses(count)), {}
    indices = range(count) if indices is None else indices

    def work(place, index):
        try:
            with peers.connected(Cluster(workers, index), seconds=seconds) as made:
                ends[place] = body(made)
        except BaseException as error:
            ends[place] = error

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(indices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [ends[place] for place in range(len(threads))]
