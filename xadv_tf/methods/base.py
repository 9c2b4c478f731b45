"""Method: a Keras model that knows how to train a classifier, and nothing of any one method."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import divergences, noise
from xadv_tf.methods import players as players_lib
from xadv_tf.methods.players import Batch, Phase, Player, Terms
from xadv_tf.optimizers import Adam


class Method(keras.Model):
    """Trains a classifier; `method(x)` gives the classifier's logits.

    A subclass gives `compute_losses` and, where it has more than the classifier to train,
    `players` (or `phases`). This class reduces each term once over the GLOBAL batch, so that any
    number of replicas takes the step that one would, weighs the terms into objectives, spends one
    backward pass an objective, and lets each player's optimizer apply its share.

    Args:
        classifier: any Keras model that maps images [batch, height, width, channels] to logits
            [batch, classes]; built or not.
        loss_weights: weight of each term of `compute_losses` in the objective.
        seed: all of the method's randomness, dropout in the classifier included, is a function of
            (seed, step, replica, purpose).
        **kwargs: of keras.Model.
    """

    def __init__(
        self,
        classifier: Any,
        *,
        loss_weights: Mapping[str, Any],
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.classifier = classifier
        self.loss_weights = dict(loss_weights)
        self.seed = seed
        # Counts finished steps. Part of the randomness, hence of every checkpoint.
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.test_accuracy = keras.metrics.Mean(name="accuracy")
        self.test_cross_entropy = keras.metrics.Mean(name="cross_entropy")
        self._traced = _Traced()

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

    @property
    def backward_passes(self) -> int:
        """Backward passes of a step, those to the input alone included: what a step costs."""
        return sum(len({player.objective for player in phase.players}) for phase in self.phases())

    def after_step(self, batch: Batch) -> None:
        """Updates state that follows training (teachers, ensembles), before `step` counts on."""

    # What methods build their losses from.

    def forward(self, image: Any, purpose: str, *, update_statistics: bool = False) -> tf.Tensor:
        """The classifier's logits in training mode, from batch statistics.

        Works on any Keras classifier without touching it: the pass is stateless, and what it would
        have written (running statistics) is dropped unless asked for. Dropout and other noise draw
        from (seed, step, replica, purpose), whatever the layers' own seeds.

        Args:
            image: [batch, ...].
            purpose: name of this pass; passes with one name share their dropout masks.
            update_statistics: whether running statistics follow this pass. True for the labeled
                pass and for no other.

        Returns:
            Logits, float32 [batch, classes].
        """
        state = self.classifier.non_trainable_variables
        values = [
            tf.cast(self.noise_seed(f"{purpose}/{i}"), variable.dtype)
            if _is_seed(variable)
            else variable.value
            for i, variable in enumerate(state)
        ]
        logits, new_values = self.classifier.stateless_call(
            [variable.value for variable in self.classifier.trainable_variables],
            values,
            image,
            training=True,
        )
        if update_statistics:
            for variable, value in zip(state, new_values, strict=True):
                if not _is_seed(variable):
                    variable.assign(value)
        return tf.cast(logits, tf.float32)

    def labeled_forward(self, batch: Batch) -> tf.Tensor:
        """Logits of the labeled images: the pass that running statistics follow."""
        labeled = batch["labeled"]
        logits = self.forward(labeled["image"], "labeled", update_statistics=True)
        hits = tf.equal(tf.argmax(logits, axis=-1), tf.cast(labeled["label"], tf.int64))
        self.record("accuracy", tf.reduce_mean(tf.cast(hits, tf.float32)))
        return logits

    def noise_seed(self, purpose: str) -> tf.Tensor:
        """Seed pair, uint32 [2], of this step and replica for `purpose` (see `xadv_tf.noise`)."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        return noise.seed_pair(self.seed, purpose, self.step.value, replica)

    def record(self, name: str, value: Any) -> None:
        """Logs a scalar (the replicas' mean) that is no term of the objective."""
        self._traced.records[name] = value

    # The step.

    # Plain TensorFlow throughout: AutoGraph has nothing to convert and would slow tracing down.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step on one (replica's) batch; the same for `fit` and for trainers' loop.

        Args:
            data: (image, label), or {"labeled": {"image", "label", "index"}, "unlabeled": {"image",
                "index"}}; every replica's batch must be of the same size.

        Returns:
            Scalars over the global batch: each raw term, each objective, `gradient_norm/<player>`,
            and what the method recorded.
        """
        batch = players_lib.as_batch(data)
        self._traced.records = {}
        logs: dict[str, tf.Tensor] = {}
        for phase in self.phases():
            logs |= self._run(phase, batch)
        self.after_step(batch)
        self.step.assign_add(1)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        logs |= {name: value / replicas for name, value in self._traced.records.items()}
        return _sum_over_replicas(logs, replicas)

    def _run(self, phase: Phase, batch: Batch) -> dict[str, tf.Tensor]:
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        all_weights = self.objectives()
        names = list(dict.fromkeys(player.objective for player in phase.players))
        with tf.GradientTape(persistent=len(names) > 1, watch_accessed_variables=False) as tape:
            for player in phase.players:
                tape.watch([variable.value for variable in player.variables])
            terms = {
                name: _share_of_global_mean(value, replicas)
                for name, value in phase.losses(batch).items()
            }
            # A term of weight 0 is logged and costs no backward pass.
            objectives = {
                name: tf.add_n(
                    [
                        weight * terms[term]
                        for term, weight in all_weights[name].items()
                        if term in terms and not (isinstance(weight, float) and weight == 0.0)
                    ]
                )
                for name in names
            }
        logs = {**terms, **objectives}
        for name in names:
            team = [player for player in phase.players if player.objective == name]
            gradients = tape.gradient(
                objectives[name], [[v.value for v in player.variables] for player in team]
            )
            for player, player_gradients in zip(team, gradients, strict=True):
                norm, shares = _norm_and_shares(player_gradients, replicas)
                logs[f"gradient_norm/{player.name}"] = norm / replicas
                player.optimizer.apply(shares, player.variables)
        return logs

    def test_step(self, data: Any) -> dict[str, Any]:
        """Accuracy and cross-entropy of the classifier in inference mode, for `evaluate`."""
        labeled = players_lib.as_batch(data)["labeled"]
        logits = self.classifier(labeled["image"], training=False)
        hits = tf.equal(tf.argmax(logits, axis=-1), tf.cast(labeled["label"], tf.int64))
        self.test_accuracy.update_state(tf.cast(hits, tf.float32))
        self.test_cross_entropy.update_state(divergences.cross_entropy(labeled["label"], logits))
        return {
            metric.name: metric.result() for metric in (self.test_accuracy, self.test_cross_entropy)
        }

    # What Keras asks of a model.

    def call(self, x: Any, training: bool = False) -> Any:
        """The classifier's output."""
        return self.classifier(x, training=training)

    def build(self, input_shape: Any) -> None:
        """Builds classifier and optimizers for images of `input_shape`, [batch, ...]."""
        if not self.classifier.built:
            # A subclassed model without a build() of its own is built by a (symbolic) call.
            self.classifier(keras.Input(input_shape[1:]))
        self.built = True
        if self.compiled:
            self._build_optimizers()

    def compile(
        self, optimizer: Any = None, *, jit_compile: bool | None = None, **kwargs: Any
    ) -> None:
        """Sets the classifier's optimizer.

        Args:
            optimizer: a Keras optimizer; by default `xadv_tf.optimizers.Adam()`.
            jit_compile: whether `fit` compiles the step with XLA; by default where there is a GPU.
            **kwargs: of keras.Model.compile.
        """
        if jit_compile is None:
            jit_compile = bool(tf.config.list_physical_devices("GPU"))
        super().compile(optimizer=optimizer or Adam(), jit_compile=jit_compile, **kwargs)
        if self.built:
            self._build_optimizers()
        elif getattr(self.classifier, "inputs", None):
            self.build(tuple(self.classifier.inputs[0].shape))

    def fit(self, x: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """keras.Model.fit on batches as `train_step` takes them, from tf.data or arrays x and y."""
        if not self.built:
            self.build(_image_shape(x))
        return super().fit(x, y, **kwargs)

    def _build_optimizers(self) -> None:
        # Keras would build them in the first step; a checkpoint needs their variables before.
        for phase in self.phases():
            for player in phase.players:
                player.optimizer.build(list(player.variables))


class _Traced(threading.local):
    """What a step leaves while it is traced.

    MirroredStrategy traces its replicas in threads that take turns; each must keep its own.
    """

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}


def _is_seed(variable: Any) -> bool:
    # The state of a keras.random.SeedGenerator, two words; Keras has no public test for it.
    return str(variable.path).endswith("seed_generator_state")


def _share_of_global_mean(term: tf.Tensor, replicas: int) -> tf.Tensor:
    """What this replica adds to the mean over the global batch; replicas' shares sum to it."""
    return tf.reduce_mean(term) / replicas


def _norm_and_shares(gradients: Sequence[Any], replicas: int) -> tuple[tf.Tensor, list[Any]]:
    """Norm of the summed gradients, and what to hand to an optimizer that sums over replicas.

    With several replicas dense gradients are summed here, for their norm is not to be had from the
    parts, and handed on in equal shares. Rows of a table are disjoint between replicas: their
    squares add up, and the slices stay as they are.
    """
    if replicas == 1:
        return tf.linalg.global_norm(gradients), list(gradients)
    context = tf.distribute.get_replica_context()
    sums: list[Any] = []
    square = tf.zeros(())
    for gradient in gradients:
        if isinstance(gradient, tf.IndexedSlices):
            local = tf.reduce_sum(tf.square(gradient.values))
            square += context.all_reduce(tf.distribute.ReduceOp.SUM, local)
            sums.append(gradient)
        else:
            total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradient)
            square += tf.reduce_sum(tf.square(total))
            sums.append(total / replicas)
    return tf.sqrt(square), sums


def _sum_over_replicas(logs: dict[str, tf.Tensor], replicas: int) -> dict[str, tf.Tensor]:
    if replicas == 1:
        return logs
    packed = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, tf.stack(list(logs.values()))
    )
    return dict(zip(logs, tf.unstack(packed), strict=True))


def _image_shape(x: Any) -> tuple[int | None, ...]:
    if isinstance(x, tf.data.Dataset):
        spec = players_lib.as_batch(x.element_spec)["labeled"]["image"]
        return tuple(spec.shape)
    return (None, *x.shape[1:])
