"""The surroundings of every test: two CPU devices, one seed, no network, no GPU.

With XADV_TF_TEST_GPU=1 the GPUs are in sight; with "split" the first of them is made into two, so
that two replicas can be tested on one. Numbers are derived, so that TF32 is off there but where a
test switches it on, and kernels are deterministic.
"""

import gc
import ipaddress
import os
import sys

_UNDER_XDIST = "PYTEST_XDIST_WORKER" in os.environ
_GPU = os.environ.get("XADV_TF_TEST_GPU")
_ON_GPU = _GPU in ("1", "split")
# Nothing listens on port 9 (discard). Only what runs outside this interpreter needs the proxy,
# TensorFlow's C++ clients and child processes: they fail at once instead of waiting for a network.
_DEAD_PROXY = ("127.0.0.1", 9)

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["MPLBACKEND"] = "agg"
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
os.environ["NO_GCE_CHECK"] = "true"
if _ON_GPU:
    os.environ["TF_DETERMINISTIC_OPS"] = "1"
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ[_name] = os.environ[_name.upper()] = "http://{}:{}".format(*_DEAD_PROXY)
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"
if _UNDER_XDIST:
    # The workers share the cores; a pool of threads in each makes them wait for one another.
    os.environ["OMP_NUM_THREADS"] = "1"

import keras  # noqa: E402 (all of the above is read when TensorFlow loads)
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

if _UNDER_XDIST:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
if not _ON_GPU:
    tf.config.set_visible_devices([], "GPU")
elif _GPU == "split":
    # Several workers of pytest-xdist share the card.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("GPU")[0],
        [tf.config.LogicalDeviceConfiguration(memory_limit=4096)] * 2,
    )
# MirroredStrategy(["CPU:0", "CPU:1"]) needs two devices on any machine.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# TensorFlow's own objects stay: looking through them at each collection takes 5 % of the tests.
# Tracing makes objects by the hundred thousand; looking at each thousand of them takes another 3 %.
gc.freeze()
gc.set_threshold(50_000, 20, 20)

_refused: list[str] = []


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in ("", "localhost"):
        return True  # no address at all, another family's, or any interface of this machine
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    """Audit hook: raises before the interpreter sends anything to another machine."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if not isinstance(address, tuple):
            return  # a socket of the file system, or already connected
        allowed = _is_local(address[0]) and address[:2] != _DEAD_PROXY
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = args[0]
        allowed = _is_local(address)
    else:
        return
    if not allowed:
        _refused.append(f"{event} {address}")
        raise RuntimeError(f"Tests must not use the network. Received: {event} {address}")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def refused_connections():
    """Fails a test that tried to reach another machine, even if the code swallowed the error."""
    _refused.clear()
    yield _refused
    assert not _refused


@pytest.fixture(autouse=True)
def seed():
    """Every test draws the same numbers, alone, in any order and on any worker."""
    value = 1
    # Keras 3.12 keeps the generator of earlier tests. Names and the dtype policy start over too.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(value)
    tf.config.experimental.enable_tensor_float_32_execution(not _ON_GPU)
    return value
