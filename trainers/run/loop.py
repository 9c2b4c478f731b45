"""The loop: many steps per call of one tf.function, on one device or on all of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.run import checkpoints, sources, strategies
from trainers.run.programs import Programs
from xadv_tf import data
from xadv_tf.methods import Method

_EVALUATION_BATCH = 1000


class Loop:
    """Runs a compiled method's `train_step` on batches that are a function of (seed, step).

    Only the indices of a batch are drawn outside XLA; from them on, gathering, augmentation,
    forward, backward and updates are one program, and so are many steps where images are in memory
    (see `Programs`). Nothing goes to the host between the first and the last step of a call.

    Args:
        method: compiled and built, in `strategy`'s scope.
        pool: training images and labels, on the device or streamed from files.
        sampler: draws the indices.
        strategy: of tf.distribute.
        augment: (images, kind -> seed pair) -> images, or None.
        jit_compile: compile the step with XLA, on several GPUs that of each with its sums over all;
            None does so on one GPU and lets TensorFlow compile what lies between the sums on
            several.

    Attributes:
        jit_compile: whether the step is compiled with XLA; None: what lies between sums is.

    Raises:
        ValueError: for a whole step of several replicas that are no GPUs.
    """

    def __init__(
        self,
        method: Method,
        pool: data.PoolData | data.StreamedPool,
        sampler: data.Sampler,
        *,
        strategy: tf.distribute.Strategy,
        augment: Any = None,
        jit_compile: bool | None = None,
    ) -> None:
        self.method = method
        self.sampler = sampler
        self.strategy = strategy
        self._augment = augment
        self._names: list[str] = []
        replicas = strategy.num_replicas_in_sync
        self._source = sources.of(pool, sampler, strategy)
        self._whole_pool = pool
        self._evaluation_is_prepared = False
        on_gpus = strategies.on_gpus(strategy)
        if jit_compile and replicas > 1 and not on_gpus:
            raise ValueError(
                f"jit must not be on with several CPU replicas. Received: {replicas} replicas"
            )
        if jit_compile is None and not (on_gpus and replicas > 1):
            jit_compile = on_gpus
        self.jit_compile = jit_compile
        self._step: Any = self._traced_step
        self._programs: Programs | None = None
        if jit_compile is None:
            # Collectives stay outside what is compiled.
            tf.config.optimizer.set_jit("autoclustering")
        elif self.jit_compile and replicas == 1 and isinstance(self._source, sources.PoolSource):
            self._programs = Programs(self._source, self._train_on, whole=on_gpus)
        elif self.jit_compile:
            self._step = tf.function(self._traced_step, jit_compile=True, autograph=False)
        self._run = tf.function(self._traced_run, autograph=False)
        self._predict = tf.function(
            lambda image: self.method(image, training=False), autograph=False
        )

    @property
    def step(self) -> int:
        """Finished steps."""
        return int(self.method.step.numpy())

    @property
    def stride(self) -> int:
        """The numbers of steps that `run` takes fastest are multiples of this."""
        return 1 if self._programs is None else self._programs.stride

    @property
    def names(self) -> list[str]:
        """What the columns of `run` are, once it has run."""
        return self._names

    def run(self, num_steps: int) -> np.ndarray:
        """Trains for `num_steps` steps; returns their logs, float32 [num_steps, logs]."""
        if self.step == 0:
            self.method.initialize(data.training_batches(self._whole_pool, self.sampler))
        self._evaluation_is_prepared = False
        opened = self._source.open(self.step, num_steps)
        if self._programs is not None:
            return self._programs.run(opened, self.step, num_steps)
        logs: np.ndarray = self._run(opened, tf.constant(num_steps)).numpy()
        return logs

    def can_become(self, other: "Loop") -> bool:
        """Whether `become` can: on one device, images in memory, all state of the same shapes."""
        if self.strategy.num_replicas_in_sync > 1 or not isinstance(
            other._source, sources.PoolSource
        ):
            return False

        def shapes(loop: Loop) -> list[Any]:
            pool = [each for each in tf.nest.flatten(loop._whole_pool) if each is not None]
            return [(v.shape, v.dtype) for v in (*pool, *checkpoints.variables(loop.method))]

        return shapes(self) == shapes(other)

    def become(self, other: "Loop") -> None:
        """Takes the state, the data and the seed of a loop that differs in its seed alone.

        What is compiled stays, for all of them are inputs of it; `other` is not to be used again.
        """
        mine, theirs = (checkpoints.variables(loop.method) for loop in (self, other))
        for variable, value in zip(mine, theirs, strict=True):
            variable.assign(value.value)
        self.method.seed = other.method.seed
        self.sampler, self._source = other.sampler, other._source
        self._whole_pool = other._whole_pool
        self._evaluation_is_prepared = False

    def trace(self) -> Any:
        """A step on a whole batch as a ConcreteFunction, to be looked at and not to be called."""
        batch = next(data.training_batches(self._whole_pool, self.sampler))
        return tf.function(lambda: self._train_on(batch), autograph=False).get_concrete_function()

    def means(self, rows: Sequence[np.ndarray]) -> dict[str, float]:
        """Each log's mean over what several calls of `run` returned.

        The same to the last bit however the steps were divided into calls.
        """
        means = np.atleast_1d(np.mean(np.concatenate(rows), axis=0, dtype=np.float64))
        return dict(zip(self._names, means.tolist(), strict=True))

    def learning_rates(self) -> dict[str, float]:
        """{"learning_rate/<player>"} as of now."""
        return {
            f"learning_rate/{player.name}": float(
                tf.convert_to_tensor(player.optimizer.learning_rate)
            )
            for player in self.method.all_players()
        }

    def prepare_evaluation(self) -> None:
        """Lets the method estimate what it predicts with; free if no step was taken since."""
        if not self._evaluation_is_prepared:
            self.method.prepare_evaluation(data.training_batches(self._whole_pool, self.sampler))
            self._evaluation_is_prepared = True

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Logits of what is evaluated, in inference mode, float32 [examples, classes]."""
        self.prepare_evaluation()
        batches = [
            self._predict(tf.constant(images[i : i + _EVALUATION_BATCH])).numpy()
            for i in range(0, len(images), _EVALUATION_BATCH)
        ]
        return np.concatenate(batches)

    # A batch's way, from its indices to its step: down these three functions.

    def _traced_run(self, opened: Any, num_steps: tf.Tensor) -> tf.Tensor:
        first = self.method.step.value + 0  # A copy: the variable moves on.

        def body(i: tf.Tensor, logs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            fetched = self._source.fetch(opened, first + tf.cast(i, first.dtype))
            drawn = self.strategy.run(self._source.draw, args=fetched)
            # By itself: several GPUs sum inside XLA only what `run` is given compiled.
            per_replica = self.strategy.run(self._step, args=drawn)
            # Logs are sums over replicas already: any replica's will do.
            row = self.strategy.experimental_local_results(per_replica)[0]
            return i + 1, logs.write(i, row)

        logs = tf.TensorArray(tf.float32, size=num_steps)
        _, logs = tf.while_loop(lambda i, _: i < num_steps, body, (tf.constant(0), logs))
        return logs.stack()

    def _traced_step(self, *drawn: Any) -> tf.Tensor:
        return self._train_on(self._source.gather(*drawn))

    def _train_on(self, batch: Any) -> tf.Tensor:
        if self._augment is not None:
            batch = self._augmented(batch)
        logs = self.method.train_step(batch)
        self._names = list(logs)
        return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

    def _augmented(self, batch: Any) -> Any:
        def augmented(examples: Any, purpose: str) -> Any:
            def view(number: str) -> Any:
                def seed(kind: str) -> tf.Tensor:
                    # Both views of an image are mirrored alike (Laine & Aila 2017).
                    own = number if kind != "flip" else ""
                    return self.method.noise_seed(f"augment/{kind}/{purpose}{own}")

                return self._augment(examples["image"], seed)

            second = {"second_image": view("/second")} if self.method.two_views else {}
            return {**examples, "image": view(""), **second}

        labeled = augmented(batch["labeled"], "labeled")
        if batch["unlabeled"] is batch["labeled"]:
            return {"labeled": labeled, "unlabeled": labeled}
        return {"labeled": labeled, "unlabeled": augmented(batch["unlabeled"], "unlabeled")}
