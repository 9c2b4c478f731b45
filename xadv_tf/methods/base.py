"""Method: a Keras model that knows how to train a classifier, and nothing of any one method."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.layers.data_initialization import initializing_layers
from xadv_tf.methods import (
    averages,
    classifiers,
    passes,
    precision,
    reductions,
    regularization,
    scopes,
    steps,
)
from xadv_tf.methods import players as players_lib
from xadv_tf.methods.loss_builder import LossBuilder, weighted
from xadv_tf.methods.loss_weights import refuse_no_objective
from xadv_tf.methods.players import Batch, Phase, Player, Terms


class Method(LossBuilder):
    """Trains a classifier; `method(x)` gives the logits of the network that is evaluated.

    A subclass gives `compute_losses`, made of what `LossBuilder` has, and, where it has more than
    the classifier to train, `players` (or `phases`). This class reduces each term once over the
    GLOBAL batch, so that any number of replicas takes the step that one would, weighs the terms
    into objectives, spends one backward pass an objective, and lets each player's optimizer apply
    its share.

    Args:
        classifier: any Keras model that maps images [batch, height, width, channels] to logits
            [batch, classes]; built or not. Regularizers of its weights count in its objective.
        loss_weights: weight of each term of `compute_losses` in the objective: a number, or a
            function of the step (integer scalar), such as a schedule.
        seed: all of the method's randomness, dropout in the classifier included, is a function of
            (seed, step, replica, purpose).
        ema_decay: in (0, 1); keeps `averaged`, a second classifier whose weights and running
            statistics are the bias-corrected exponential average of those after each step.
        evaluate_ema: whether `averaged` is the network that is evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for an ema_decay out of range, or evaluate_ema without one.
    """

    # Whether it wants the unlabeled images augmented twice, as "image" and "second_image".
    two_views = False
    # Whether it can be a part of a `Combined`: all players move at once, by one objective, whose
    # cross_entropy is that of `labeled_forward`.
    combinable = True
    # Whether it differentiates a clean pass to its images, and so must be the one to make it.
    differentiates_images = False
    # What is trained in the paper's symbols, which a run's logs show beside its curves.
    formula = ""
    # How many images, at least, layers that initialise from data are shown.
    initialization_images = 1

    def __init__(
        self,
        classifier: Any,
        *,
        loss_weights: Mapping[str, Any],
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        if ema_decay is not None and not 0.0 < ema_decay < 1.0:
            raise ValueError(f"ema_decay must lie in (0, 1). Received: ema_decay={ema_decay}")
        if evaluate_ema and ema_decay is None:
            raise ValueError("evaluate_ema needs an ema_decay. Received: ema_decay=None")
        if classifier is not None:
            classifiers.refuse_other_than_layer("classifier", classifier)
        super().__init__(classifier, loss_weights=loss_weights, seed=seed, name=name)
        self.ema_decay = ema_decay
        self.evaluate_ema = evaluate_ema
        self.averaged: Any = None
        self.test_accuracy = keras.metrics.Mean(name="accuracy")
        self.test_cross_entropy = keras.metrics.Mean(name="cross_entropy")

    # What a method says of itself.

    def compute_losses(self, batch: Batch) -> Terms:
        """The terms of a step, {term: per-example [batch] or scalar}, unweighted, float32."""
        raise NotImplementedError

    def objectives(self) -> Mapping[str, Mapping[str, Any]]:
        """{objective: {term: weight}}; one for all players unless overridden."""
        return {"objective": self.loss_weights}

    def players(self) -> Sequence[Player]:
        """Who is trained; the classifier alone unless overridden."""
        return [Player("classifier", self.classifier.trainable_variables, self.optimizer)]

    def phases(self) -> Sequence[Phase]:
        """What happens in a step, in order; everything at once unless overridden."""
        return [Phase(self.compute_losses, self.players())]

    def all_players(self) -> list[Player]:
        """The players of all phases, one a name."""
        return list({p.name: p for phase in self.phases() for p in phase.players}.values())

    @property
    def backward_passes(self) -> int:
        """Backward passes of a step, those to the input alone included: what a step costs."""
        return sum(len({player.objective for player in phase.players}) for phase in self.phases())

    @property
    def evaluated(self) -> Any:
        """The Keras model that is evaluated and exported: images -> logits."""
        return self.averaged if self.evaluate_ema else self.classifier

    def initialize(self, batches: Iterable[Batch]) -> None:
        """Runs once before the first step: weights that come from data, copies of weights.

        `fit` calls it where no step was taken yet. Whoever calls `train_step` calls it before the
        first one, outside `strategy.run`.

        Args:
            batches: global batches, the first ones of training; taken from only as needed.
        """
        if initializing_layers(self.classifier):
            image = players_lib.first_images(batches, self.initialization_images)
            passes.initializing_pass(self.classifier, image, self.noise_seed)
        self.copy_classifier()

    def copy_classifier(self) -> None:
        """Gives second networks, such as teachers, the weights that the classifier starts with."""
        if self.averaged is not None:
            averages.copy(self.averaged, self.classifier)

    def prepare_evaluation(self, batches: Iterable[Batch]) -> None:
        """Runs before an evaluation, for statistics that are estimated anew; nothing here.

        Call it after training, `fit` included, whenever weights are about to be evaluated or
        exported, outside `strategy.run`. What it does depends on weights and batches alone.

        Args:
            batches: global training batches from step 0 on, without end, without augmentation.
        """

    def after_step(self, batch: Batch) -> None:
        """Updates state that follows training (teachers, ensembles), before `step` counts on."""

    # The step.

    # Plain TensorFlow throughout: AutoGraph has nothing to convert and would slow tracing down.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step on one (replica's) batch; for `fit` and for loops that call it themselves.

        Args:
            data: (image, label), or {"labeled": {"image", "label", "index"}, "unlabeled": {"image",
                "index"}}; replicas' batches may differ in size, and count by their examples.

        Returns:
            Scalars over the global batch: each raw term, each objective, `gradient_norm/<player>`,
            and what the method recorded.
        """
        batch = self._batch(data)
        self._traced.records, self._traced.kept = {}, {}
        logs: dict[str, tf.Tensor] = {}
        for phase in self.phases():
            logs |= steps.run(phase, batch, self.objectives(), self.step.value)
        self.after_step(batch)
        if self.ema_decay is not None:
            rate = averages.debiased_rate(self.ema_decay, self.step.value)
            averages.follow(self.averaged.weights, self.classifier.weights, rate)
        self.step.assign_add(1)
        replicas = reductions.num_replicas()
        logs |= reductions.shares_of_weighted_means(self._traced.records, replicas)
        logs = reductions.sum_over_replicas(logs, replicas)
        labeled = batch["labeled"]
        logits = self._traced.kept.get("labeled_logits")
        return self.keras_logs(logs, (labeled["label"], logits, labeled.get("weight")))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Accuracy and cross-entropy of `evaluated` over the known labels, for `evaluate`."""
        labeled = self._batch(data)["labeled"]
        logits = self(labeled["image"], training=False)
        label, weight = labeled["label"], labeled.get("weight")
        labels = divergences.class_labels(label)
        known = tf.cast(labels >= 0, tf.float32)  # Others are neither right nor wrong.
        hits = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
        self.test_accuracy.update_state(tf.cast(hits, tf.float32), known)
        losses = weighted(divergences.cross_entropy(label, logits), weight)
        self.test_cross_entropy.update_state(losses, known)
        return self.metrics_of_known(label, logits, weight)

    # What Keras asks of a model.

    def call(self, x: Any, training: bool = False) -> Any:
        """The output of `evaluated`."""
        return self.evaluated(players_lib.floating(x, tokens=not self.perturbs), training=training)

    def check_classifier(self, input_shape: Any) -> None:
        """Builds the classifier for images of `input_shape`, [batch, ...].

        Raises:
            ValueError: for one that the method cannot train.
        """
        self.num_classes = classifiers.build(self.classifier, input_shape)
        if self.perturbs:
            classifiers.refuse_tokens(self.classifier)

    def build(self, input_shape: Any) -> None:
        """Builds classifier and optimizers for images of `input_shape`, [batch, ...]."""
        self.check_classifier(input_shape)
        self._asked_weights.put_into(self.loss_weights)
        refuse_no_objective(self.objectives())
        if self.ema_decay is not None and self.averaged is None:
            self.averaged = averages.clone(self.classifier, input_shape)
        regularization.refuse_activity_regularizers(self.classifier)
        precision.refuse_half_layers(self)
        self.built = True
        if self.compiled:
            self.build_optimizers()

    def build_optimizers(self) -> None:
        """Creates the optimizers' variables."""
        # Keras would build them in the first step; a checkpoint needs their variables before.
        players_lib.refuse_shared_optimizer(self.all_players())
        scopes.refuse_other_scopes(self.all_players(), self.step)
        for player in self.all_players():
            player.optimizer.build(list(player.variables))
            reductions.take_sums(player.optimizer)

    def _batch(self, data: Any) -> Batch:
        return players_lib.floating_images(players_lib.as_batch(data), tokens=not self.perturbs)
