import numpy as np
import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from trainers.benchmarking import device_trace


def _plane(name, lines):
    """A plane of a trace: {name of a line: (its start in ns, [(start, length) in ps])}."""
    plane = xplane_pb2.XPlane(name=name)
    for line_name, (start, events) in lines.items():
        line = plane.lines.add(name=line_name, timestamp_ns=start)
        for offset, duration in events:
            line.events.add(offset_ps=offset, duration_ps=duration)
    return plane


# In ps: 0 to 500 and 300 to 900 overlap, 1,000 + 100 to 1,300 on a stream that begins 1 ns later,
# within which 1,150 to 1,200 lies: 900 + 200. The line of groups and the host's time are no work of
# the GPU; the other GPU is at work for 700.
def test_work_on_several_streams_counts_once():
    streams = {
        "Stream #1(Kernel)": (0, [(300, 600), (0, 500)]),
        "Stream #2(MemcpyD2D)": (1, [(100, 200), (150, 50)]),
        "XLA Ops": (0, [(0, 9_000)]),
    }
    space = xplane_pb2.XSpace(
        planes=[
            _plane("/host:CPU", {"Stream": (0, [(0, 9_000)])}),
            _plane("/device:GPU:0", streams),
            _plane("/device:GPU:1", {"Stream #1": (0, [(0, 700)])}),
        ]
    )
    assert device_trace._busy(space.SerializeToString()) == pytest.approx(1_100e-12)


def test_without_a_gpu_nothing_is_known():
    space = xplane_pb2.XSpace(planes=[_plane("/host:CPU", {"Stream": (0, [(0, 9_000)])})])
    assert device_trace._busy(space.SerializeToString()) is None


def test_work_is_done_and_watched():
    done = []
    busy = device_trace.busy_seconds(lambda: done.append(tf.constant(2.0).numpy()))
    assert np.array_equal(done, [2.0])
    if not tf.config.list_physical_devices("GPU"):
        assert busy is None


def test_a_failure_ends_the_watch():
    def fail():
        raise ValueError("broke")

    for _ in range(2):  # A profiler that still ran could not be started again.
        with pytest.raises(ValueError, match="broke"):
            device_trace.busy_seconds(fail)
