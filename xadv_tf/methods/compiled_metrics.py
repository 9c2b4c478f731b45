"""The metrics that `compile` is given, beside what every method measures itself."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.methods import callbacks, feeding
from xadv_tf.methods.saving import SavedByArguments


class WithCompiledMetrics(SavedByArguments):
    """Gives compiled metrics labels and logits, and a place in the logs of its steps.

    A subclass has the metric "cross_entropy", which is the loss of its evaluations.
    """

    # What `compile` was asked to measure: anything, and an accuracy unlike the method's.
    _compiled_metrics = False
    _has_accuracy = False

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics; `loss` is the cross-entropy."""
        results = dict(super().get_metrics_result())
        if self._has_accuracy and self._compile_metrics.built:
            # Keras lets the last of one name win, which is the method's.
            results["accuracy"] = self._compile_metrics.result()["accuracy"]
        return {**results, "loss": results["cross_entropy"]}

    def asked_metrics(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the results that are not of what every method measures in evaluations."""
        own = set(callbacks.OWN_METRICS) - ({"accuracy"} if self._has_accuracy else set())
        return {name: value for name, value in results.items() if name not in own}

    def keras_logs(self, logs: Mapping[str, Any], labeled: Any) -> dict[str, Any]:
        """What a step logs; within `fit` and `train_on_batch` "loss" and compiled metrics too.

        Args:
            logs: of the step.
            labeled: (labels, logits, weights or None) of the labeled pass.
        """
        if not vars(self).get("_is_in_keras"):
            return dict(logs)
        metrics = {}
        if self._compiled_metrics:
            metrics = self.asked_metrics(self.metrics_of_known(*labeled))
        return {"loss": logs["objective"], **logs, **metrics}

    def metrics_of_known(self, label: Any, logits: Any, weight: Any) -> dict[str, Any]:
        """As keras.Model.compute_metrics, of the examples whose label is known.

        Args:
            label: [batch] or [batch, classes].
            logits: [batch, classes].
            weight: [batch], or None.
        """
        if self._compiled_metrics:
            # By weights of 0 it would be known to those alone that take weights.
            known = divergences.class_labels(label) >= 0
            label, logits = tf.boolean_mask(label, known), tf.boolean_mask(logits, known)
            weight = None if weight is None else tf.boolean_mask(weight, known)
        return dict(self.compute_metrics(None, label, logits, weight))

    @contextlib.contextmanager
    def _in_keras(self) -> Iterator[None]:
        """Within it steps are traced for Keras, and not for a loop of one's own."""
        self.__dict__["_is_in_keras"] = True
        try:
            yield
        finally:
            self.__dict__["_is_in_keras"] = False

    def _note_metrics(self, *metrics: Any, terms: Iterable[str]) -> None:
        """Notes what `compile` is asked to measure.

        Args:
            *metrics: `metrics` and `weighted_metrics`, or None, as `compile` takes them.
            terms: of the method's losses, whose names no metric may have.
        """
        unweighted, weighted = (keras.tree.flatten(given or []) for given in metrics)
        names = [getattr(m, "name", m) for m in (*unweighted, *weighted)]
        reserved = sorted({"loss", "objective", "cross_entropy", *terms} & set(names))
        if reserved:
            raise ValueError(
                "a metric must not have the name of a term or an objective. "
                f"Received: a metric named {reserved[0]!r}"
            )
        self.__dict__["_compiled_metrics"] = bool(names)
        # "accuracy" without weights is what a method logs, but for labels that are not known.
        self.__dict__["_has_accuracy"] = "accuracy" in names and "accuracy" not in unweighted

    def _note_labels(self, source: feeding.Source) -> None:
        """Notes the form of the labels, for which compiled metrics are built."""
        if self._compiled_metrics:
            label = source.labels(next(source.batches()))
            dtype = keras.backend.standardize_dtype(label.dtype)
            self.__dict__["_label"] = ((None, *label.shape[1:]), dtype)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Builds compiled metrics under a strategy; Keras would add up replicas' batches for it."""
        if not self._compiled_metrics or self._distribute_strategy is None:
            return
        shape = self.get_build_config()["input_shape"]
        label = keras.KerasTensor(*vars(self)["_label"])
        weight = keras.KerasTensor((None,), "float32")
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=(keras.KerasTensor(shape), label, weight))
