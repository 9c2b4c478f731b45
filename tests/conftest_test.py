import os
import socket
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf


@pytest.mark.parametrize(
    ("event", "args"),
    [
        # 192.0.2.0/24 and 2001:db8::/32 are set aside for documentation (RFC 5737, RFC 3849).
        # Raising the interpreter's own event shows the refusal without a packet.
        ("socket.connect", (None, ("192.0.2.1", 80))),
        ("socket.connect", (None, ("2001:db8::1", 80, 0, 0))),
        ("socket.sendto", (None, ("192.0.2.1", 53))),
        ("socket.getaddrinfo", ("example.invalid", 80, 0, 0, 0)),
        ("socket.connect", (None, ("127.0.0.1", 9))),  # the proxy that stands for the network
    ],
)
def test_network_is_refused_and_remembered(event, args, refused_connections):
    with pytest.raises(RuntimeError, match="Tests must not use the network"):
        sys.audit(event, *args)
    assert len(refused_connections) == 1
    refused_connections.clear()


def test_loopback_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5):
            pass


def test_two_cpu_devices():
    assert len(tf.config.list_logical_devices("CPU")) == 2
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2


def test_one_thread_per_worker():
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("only workers of pytest-xdist are limited to one thread")
    assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    assert tf.config.threading.get_inter_op_parallelism_threads() == 1


def test_seed_restarts_every_generator(seed):
    first = (np.random.rand(), float(tf.random.normal([])), float(keras.random.normal([])))
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    again = (np.random.rand(), float(tf.random.normal([])), float(keras.random.normal([])))
    assert first == again
