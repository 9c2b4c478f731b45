"""What TensorBoard's hparams dashboard shows of a search."""

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_api
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary

from trainers.tuning import search_space
from trainers.tuning.oracles import OBJECTIVE


def announce(workdir: pathlib.Path, ranges: Mapping[str, str]) -> None:
    """Tells TensorBoard's hparams dashboard what is searched and what counts."""
    columns = []
    for found in search_space.hyperparameters(ranges).space:
        if hasattr(found, "min_value"):
            domain = hparams_api.RealInterval(float(found.min_value), float(found.max_value))
        else:
            domain = hparams_api.Discrete(found.values)
        columns.append(hparams_api.HParam(found.name, domain))
    writer = tf.summary.create_file_writer(str(workdir))
    with writer.as_default(step=0):
        hparams_api.hparams_config(
            columns, [hparams_api.Metric(OBJECTIVE, display_name="validation accuracy")]
        )
    writer.close()


def record(workdir: pathlib.Path, trial: Any, score: float | None, *, steps: int) -> None:
    """Writes a row of the dashboard, below <workdir>/trials/<trial>.

    Args:
        workdir: of the search.
        trial: of keras-tuner, ended.
        score: validation accuracy; None if it failed.
        steps: that it took.
    """
    known = trial.hyperparameters.values
    values = {name: known[name] for name in search_space.texts(known)}
    writer = tf.summary.create_file_writer(str(workdir / "trials" / trial.trial_id))
    with writer.as_default(step=steps):
        hparams_api.hparams(values, trial_id=trial.trial_id)
        if score is not None:
            tf.summary.scalar(OBJECTIVE, score)
        ended = api_pb2.STATUS_FAILURE if score is None else api_pb2.STATUS_SUCCESS
        end = hparams_summary.session_end_pb(ended)
        tf.summary.experimental.write_raw_pb(end.SerializeToString())
    writer.close()
