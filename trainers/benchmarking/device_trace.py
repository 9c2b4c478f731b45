"""How long a GPU is at work in a step, by TensorFlow's profiler.

What a step takes beyond that, the GPU waits for the host. The profiler writes a trace, of which its
viewer is a package of its own; the few numbers that are needed here are read from the trace itself.
"""

import pathlib
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

_GPU = "/device:GPU:"
# A GPU's plane has a line for each stream of work, beside lines that group the same work anew.
_STREAM = "Stream"


def busy_seconds(work: Callable[[], object]) -> float | None:
    """The time in which kernels or copies run on the GPU while something is done.

    Args:
        work: does it, and waits for its result.

    Returns:
        Seconds, on the busiest GPU; None if nothing ran on a GPU, or the profiler saw nothing of
        it, for want of CUPTI, say.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Of the host nothing is wanted, and watching it would slow it down.
        options = tf.profiler.experimental.ProfilerOptions(
            host_tracer_level=0, python_tracer_level=0, device_tracer_level=1
        )
        tf.profiler.experimental.start(folder, options)
        try:
            work()
        finally:
            tf.profiler.experimental.stop()
        traces = [path.read_bytes() for path in pathlib.Path(folder).rglob("*.xplane.pb")]
    return max(filter(None, map(_busy, traces)), default=None)


def _busy(trace: bytes) -> float | None:
    # TensorFlow ships the format of its traces in a module that it does not export.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(trace)
    gpus = [plane for plane in space.planes if plane.name.startswith(_GPU)]
    return max((1e-12 * _covered(_spans(plane)) for plane in gpus), default=None)


def _spans(plane: Any) -> list[tuple[int, int]]:
    """(start, end) of all that ran on a GPU, in picoseconds."""
    spans = []
    for line in plane.lines:
        if line.name.startswith(_STREAM):
            for event in line.events:
                start = 1000 * line.timestamp_ns + event.offset_ps
                spans.append((start, start + event.duration_ps))
    return spans


def _covered(spans: Iterable[tuple[int, int]]) -> int:
    """The length of the union of spans: what runs at once on several streams counts once."""
    total, reached = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
