import types

import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, metadata

from trainers.tuning import summaries
from trainers.tuning.oracles import OBJECTIVE


def _values(folder):
    """{tag: (step, summary value)} of the only event file in a folder."""
    (file,) = folder.glob("events*")
    events = tf.compat.v1.train.summary_iterator(str(file))
    return {value.tag: (event.step, value) for event in events for value in event.summary.value}


def _hparams(value):
    return metadata.parse_experiment_plugin_data(value.metadata.plugin_data.content)


def test_the_dashboard_is_told_what_is_searched_and_what_counts(tmp_path):
    summaries.announce(tmp_path, {"learning_rate": "log:0.001:0.1", "mask": "choice:a,b"})
    ((_, value),) = _values(tmp_path).values()
    told = _hparams(value)
    rate, mask = told.hparam_infos
    assert (rate.name, mask.name) == ("learning_rate", "mask")
    assert rate.domain_interval.min_value == pytest.approx(0.001)
    assert rate.domain_interval.max_value == pytest.approx(0.1)
    assert [v.string_value for v in mask.domain_discrete.values] == ["a", "b"]
    assert [metric.name.tag for metric in told.metric_infos] == [OBJECTIVE]


@pytest.mark.parametrize(
    ("score", "status"), [(0.75, api_pb2.STATUS_SUCCESS), (None, api_pb2.STATUS_FAILURE)]
)
def test_a_trial_is_a_row_with_its_values_and_its_end(tmp_path, score, status):
    values = {"learning_rate": 0.1, "tuner/epochs": 3}
    trial = types.SimpleNamespace(
        trial_id="0007", hyperparameters=types.SimpleNamespace(values=values)
    )
    summaries.record(tmp_path, trial, score, steps=40)
    written = _values(tmp_path / "trials" / "0007")
    content = written[metadata.SESSION_START_INFO_TAG][1].metadata.plugin_data.content
    started = metadata.parse_session_start_info_plugin_data(content)
    assert dict(started.hparams).keys() == {"learning_rate"}
    assert started.group_name == "0007"
    content = written[metadata.SESSION_END_INFO_TAG][1].metadata.plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(content).status == status
    assert (OBJECTIVE in written) == (score is not None)
    if score is not None:
        step, value = written[OBJECTIVE]
        assert (step, tf.make_ndarray(value.tensor).item()) == (40, 0.75)
