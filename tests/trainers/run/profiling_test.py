import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from trainers.errors import UsageError
from trainers.run.profiling import Profiler
from trainers.settings import experiment as experiment_lib


def _marked_steps(logdir):
    """Numbers of the steps that a trace marks."""
    (file,) = logdir.glob("plugins/profile/*/*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    return sorted(
        stat.int64_value
        for plane in space.planes
        for line in plane.lines
        for event in line.events
        if plane.event_metadata[event.metadata_id].name == "train"
        for stat in event.stats
        if plane.stat_metadata[stat.metadata_id].name == "step_num"
    )


def _run(profiler, steps):
    for step in range(steps):
        with profiler.watching(step):
            tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))


def test_the_trace_marks_the_steps_of_the_flag(tmp_path):
    _run(Profiler("2:4", tmp_path), steps=6)
    assert _marked_steps(tmp_path) == [2, 3]


def test_a_step_that_fails_leaves_what_was_seen(tmp_path):
    profiler = Profiler("0:9", tmp_path)
    with pytest.raises(KeyboardInterrupt), profiler.watching(0):
        raise KeyboardInterrupt
    assert _marked_steps(tmp_path) == [0]


def test_calls_end_where_watching_begins_and_take_one_step_while_it_lasts(tmp_path):
    profiler = Profiler("3:5", tmp_path)
    assert [profiler.limits(step) for step in range(6)] == [(3,), (2,), (1,), (1,), (1,), ()]


def test_without_the_flag_nothing_is_watched(tmp_path):
    profiler = Profiler(None, tmp_path)
    assert profiler.limits(0) == ()
    _run(profiler, steps=2)
    assert not list(tmp_path.iterdir())


def test_a_range_beyond_the_run_is_refused():
    values = experiment_lib.parse(["--workdir=w", "--profile_steps=90:101", "--train_steps=100"])
    with pytest.raises(UsageError, match="--profile_steps must end within"):
        experiment_lib.from_flags(values)
