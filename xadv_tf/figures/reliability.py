"""Reliability diagram: how often predictions are right that were made with a given probability."""

import numpy as np
from matplotlib.figure import Figure

from xadv_tf.metrics import CalibrationBins


def draw_reliability(bins: CalibrationBins, *, title: str) -> Figure:
    """Draws accuracy over confidence (Guo et al. 2017, figure 1), and the predictions in each bin.

    Args:
        bins: as `xadv_tf.metrics.calibration_bins` gives them.
        title: what was evaluated.
    """
    figure = Figure(figsize=(5.2, 6.4), facecolor="white", layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    full = bins.count > 0
    left, width = bins.edges[:-1][full], np.diff(bins.edges)[full]
    accuracy, confidence = bins.accuracy[full], bins.confidence[full]
    style = {"align": "edge", "edgecolor": "black", "linewidth": 0.6}
    upper.bar(left, accuracy, width, color="#4477aa", label="accuracy", **style)
    upper.bar(left, confidence - accuracy, width, accuracy, color="#ee6677", alpha=0.5,
              hatch="//", label="gap to the mean confidence", **style)  # fmt: skip
    upper.plot([0, 1], [0, 1], "--", color="gray", linewidth=1, label="perfect calibration")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    upper.legend(loc="upper left", fontsize=9)
    upper.set_title(
        f"{title}\nexpected calibration error {100 * bins.expected_calibration_error:.2f} %",
        fontsize=11,
    )
    lower.bar(left, 100 * bins.count[full] / bins.count.sum(), width, color="#bbbbbb", **style)
    lower.set(xlabel="probability of the predicted class", ylabel="% of predictions")
    return figure
