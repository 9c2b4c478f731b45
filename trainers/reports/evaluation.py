"""What is said of a classifier: every number of an evaluation, and its table."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich import box, console, table

from xadv_tf import metrics

# Of more classes than that, the table shows those with the lowest recall.
_MOST_CLASSES = 20
_WORST_CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How a classifier did on a set of labeled images.

    Attributes:
        class_names: one a class.
        confusion: counts [classes, classes], a row for each true class.
        bins: the predictions by their confidence.
        negative_log_likelihood: mean, in nats.
        brier_score: in [0, 2].
    """

    class_names: Sequence[str]
    confusion: np.ndarray
    bins: metrics.CalibrationBins
    negative_log_likelihood: float
    brier_score: float

    @property
    def examples(self) -> int:
        """How many images."""
        return int(np.sum(self.confusion))

    @property
    def correct(self) -> int:
        """Right predictions."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self.correct / self.examples

    def report(self) -> dict[str, Any]:
        """All numbers, ready for JSON; null for a ratio without cases."""
        precision, recall = metrics.precision(self.confusion), metrics.recall(self.confusion)
        return {
            "examples": self.examples,
            "accuracy": self.accuracy,
            "accuracy_95_interval": metrics.accuracy_interval(self.correct, self.examples),
            "error": 1 - self.accuracy,
            "negative_log_likelihood": self.negative_log_likelihood,
            "expected_calibration_error": self.bins.expected_calibration_error,
            "brier_score": self.brier_score,
            "classes": [
                {
                    "name": name,
                    "examples": int(np.sum(self.confusion[i])),
                    "precision": _number(precision[i]),
                    "recall": _number(recall[i]),
                }
                for i, name in enumerate(self.class_names)
            ],
            "confusion_matrix": self.confusion.tolist(),
            "calibration_bins": [
                {
                    "above": float(low),
                    "up_to": float(high),
                    "examples": int(count),
                    "confidence": _number(confidence),
                    "accuracy": _number(accuracy),
                }
                for low, high, count, confidence, accuracy in zip(
                    self.bins.edges[:-1],
                    self.bins.edges[1:],
                    self.bins.count,
                    self.bins.confidence,
                    self.bins.accuracy,
                    strict=True,
                )
            ],
        }


def file_name(name: str, split: str, weights: str) -> str:
    """The name of a file of results, with the split unless it is test, and the weights unless last.

    "evaluation.json" becomes "evaluation_validation_best.json".
    """
    stem, _, ending = name.partition(".")
    parts = [stem] + [split] * (split != "test") + [weights] * (weights != "last")
    return f"{'_'.join(parts)}.{ending}"


def measure(logits: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> Evaluation:
    """Compares predictions with the truth.

    Args:
        logits: [examples, classes], at least one example.
        labels: the true classes, [examples].
        class_names: [classes].

    Raises:
        ValueError: if a logit is not finite.
    """
    finite = np.all(np.isfinite(logits), axis=-1)
    if not np.all(finite):
        raise ValueError(
            f"logits must be finite. Received: NaN or infinity for {np.sum(~finite)} of "
            f"{len(logits)} images"
        )
    probabilities = metrics.softmax(logits)
    return Evaluation(
        class_names=class_names,
        confusion=metrics.confusion_matrix(labels, np.argmax(logits, axis=-1), len(class_names)),
        bins=metrics.calibration_bins(probabilities, labels),
        negative_log_likelihood=metrics.negative_log_likelihood(logits, labels),
        brier_score=metrics.brier_score(probabilities, labels),
    )


def print_evaluation(evaluation: Evaluation, title: str) -> None:
    """Prints the numbers of one run, and class by class."""
    low, high = metrics.accuracy_interval(evaluation.correct, evaluation.examples)
    error = evaluation.bins.expected_calibration_error
    bins = len(evaluation.bins.count)
    numbers = table.Table(box=box.SIMPLE_HEAD, show_header=False)
    numbers.add_column()
    numbers.add_column(justify="right")
    numbers.add_column()
    for row in (
        ("accuracy", f"{100 * evaluation.accuracy:.2f} %",
         f"95 % interval {100 * low:.2f} to {100 * high:.2f} (Wilson)"),
        ("error", f"{100 * (1 - evaluation.accuracy):.2f} %", ""),
        ("negative log-likelihood", f"{evaluation.negative_log_likelihood:.4f}", "nats"),
        ("expected calibration error", f"{100 * error:.2f} %",
         f"{bins} bins, predicted class"),
        ("Brier score", f"{evaluation.brier_score:.4f}", "0 to 2"),
    ):  # fmt: skip
        numbers.add_row(*row)
    screen = console.Console()
    screen.print(title, highlight=False)
    screen.print(numbers)
    screen.print(_class_table(evaluation))


def _class_table(evaluation: Evaluation) -> table.Table:
    confusion = evaluation.confusion
    precision, recall = metrics.precision(confusion), metrics.recall(confusion)
    shown = table.Table(box=box.SIMPLE_HEAD, title_justify="left")
    shown.add_column("class")
    for heading in ("images", "precision %", "recall %"):
        shown.add_column(heading, justify="right")
    shown.add_column("most often taken for")
    classes: Sequence[int] = range(len(confusion))
    if len(classes) > _MOST_CLASSES:
        classes = np.argsort(recall, kind="stable")[:_WORST_CLASSES].tolist()
        shown.title = f"The {_WORST_CLASSES} classes of {len(confusion)} with the lowest recall"
    for i in classes:
        errors = np.where(np.arange(len(confusion)) == i, 0, confusion[i])
        most = int(np.argmax(errors))
        shown.add_row(
            evaluation.class_names[i],
            str(np.sum(confusion[i])),
            _percent(precision[i]),
            _percent(recall[i]),
            f"{evaluation.class_names[most]} ({errors[most]})" if errors[most] else "",
        )
    return shown


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.2f}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
