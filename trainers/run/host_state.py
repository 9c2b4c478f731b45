"""The state of a run that lives in Python: what it must remember beside its variables."""

import json

import numpy as np
import tensorflow as tf


class HostState(tf.train.experimental.PythonState):
    """Saved in every checkpoint, beside the variables.

    Attributes:
        metrics_size: bytes of metrics.jsonl.
        rows: logs, float32 [steps, names] each, of the steps since its last line.
        measured: the latest evaluation of each split: {split: {name: value}}.
        best: the best validation accuracy so far, or None.
        pace: seconds per step of the last calls.
    """

    def __init__(self) -> None:
        self.metrics_size = 0
        self.rows: list[np.ndarray] = []
        self.measured: dict[str, dict[str, float]] = {}
        self.best: float | None = None
        self.pace: list[float] = []

    def serialize(self) -> str:
        """The attributes, as a checkpoint keeps them."""
        return json.dumps(
            {
                "metrics_size": self.metrics_size,
                "rows": [rows.tolist() for rows in self.rows],
                "measured": self.measured,
                "best": self.best,
                "pace": self.pace,
            }
        )

    def deserialize(self, string_value: bytes) -> None:
        """Sets the attributes to what was kept."""
        kept = json.loads(string_value)
        self.metrics_size = kept["metrics_size"]
        self.rows = [np.array(rows, np.float32) for rows in kept["rows"]]
        self.measured = kept["measured"]
        self.best = kept["best"]
        self.pace = kept["pace"]
