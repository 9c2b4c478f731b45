"""What methods build their losses from: passes, the supervised loss, noise, records of a step."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from xadv_tf import divergences, noise, norms
from xadv_tf.methods import players as players_lib
from xadv_tf.methods.players import Batch
from xadv_tf.methods.traced import Traced
from xadv_tf.methods.trainer import Trainer


class LossBuilder(Trainer):
    """A trainer with a classifier, a count of its steps and a seed, and what follows from these.

    Args:
        classifier: any Keras model that maps images to logits.
        loss_weights: weight of each term in the objective.
        seed: all randomness is a function of (seed, step, replica, purpose).
        name: of the Keras model.
    """

    def __init__(
        self,
        classifier: Any,
        *,
        loss_weights: Mapping[str, Any],
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(loss_weights=loss_weights, name=name)
        self.classifier = classifier
        self._seed = noise.Seed(seed)
        # Counts finished steps. Part of the randomness, hence of every checkpoint.
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self._traced = Traced()

    @property
    def seed(self) -> int:
        """Of all the randomness; another one holds for steps that are compiled already too."""
        return self._seed.value

    @seed.setter
    def seed(self, value: int) -> None:
        self._seed.assign(value)

    def forward(self, image: Any, purpose: str, *, model: Any = None, **kwargs: bool) -> tf.Tensor:
        """The classifier's logits in training mode (see `passes.training_pass`).

        Args:
            image: [batch, ...].
            purpose: name of this pass, of which its noise is a function; the clean one over the
                unlabeled images is called "unlabeled".
            model: another network than the classifier, e.g. its teacher.
            **kwargs: `update_statistics`, True for one pass of a step, the labeled one where
                nothing else is published; `fixed`: both as `passes.training_pass` has them.

        Returns:
            Logits, float32 [batch, classes]; of another model its output.
        """
        return self._traced.training_pass(
            model if model is not None else self.classifier,
            image,
            self.noise_seed,
            purpose,
            **kwargs,
        )

    def labeled_forward(self, batch: Batch, *, update_statistics: bool = True) -> tf.Tensor:
        """Logits of the labeled images: the pass that running statistics follow by default."""
        labeled = batch["labeled"]
        logits = self.forward(labeled["image"], "labeled", update_statistics=update_statistics)
        self.record_accuracy(labeled["label"], logits)
        return logits

    def unlabeled_forward(self, batch: Batch, labeled_logits: Any) -> tf.Tensor:
        """Logits of the unlabeled images: `labeled_logits` where the batch is one."""
        if players_lib.is_supervised(batch):
            return labeled_logits
        return self.forward(batch["unlabeled"]["image"], "unlabeled")

    def supervised_loss(self, batch: Batch, logits: Any) -> tf.Tensor:
        """CE of the labels, [batch]: smoothed as `compile` asks, times the examples' weights."""
        labeled = batch["labeled"]
        losses = divergences.cross_entropy(labeled["label"], logits, smoothing=self.label_smoothing)
        return weighted(losses, labeled.get("weight"))

    def record_accuracy(self, label: Any, logits: Any) -> None:
        """Logs the share of the labeled images that a training pass classifies rightly."""
        known = divergences.class_labels(label) >= 0
        count = tf.reduce_sum(tf.cast(known, tf.float32))
        self.record("accuracy", divergences.accuracy(label, logits), count)
        self.keep("labeled_logits", logits)

    def record_energy(self, perturbation: Any, image: Any) -> None:
        """Logs what a perturbation x_adv - x is to its image (see `norms.relative_energy`)."""
        energy = norms.relative_energy(perturbation, image)
        self.record("perturbation_energy", tf.reduce_mean(energy), tf.size(energy))

    def noise_seed(self, purpose: str) -> tf.Tensor:
        """Seed pair, uint32 [2], of this step and replica for `purpose` (see `xadv_tf.noise`)."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        return self._seed.pair(purpose, self.step.value, replica)

    def record(self, name: str, value: Any, count: Any = 1) -> None:
        """Logs a scalar that is no term of the objective.

        Args:
            name: how logs call it.
            value: a mean over this replica's examples; logged is that over all replicas'.
            count: over how many.
        """
        self._traced.records[name] = (value, tf.cast(count, tf.float32))

    def keep(self, name: str, value: Any) -> None:
        """Keeps a tensor of `compute_losses` for `after_step`, which finds it by `kept`."""
        self._traced.kept[name] = value

    def kept(self, name: str) -> Any:
        """What `keep` was given in this step, on this replica."""
        return self._traced.kept[name]


def weighted(losses: tf.Tensor, weight: Any) -> tf.Tensor:
    """Losses times the weights of their examples, both [batch]; None weighs all alike."""
    return losses if weight is None else losses * tf.cast(tf.reshape(weight, [-1]), tf.float32)
