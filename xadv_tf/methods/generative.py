"""What CatGAN and the feature-matching GAN share: a generator that takes turns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from xadv_tf import noise, optimizers
from xadv_tf.layers.data_initialization import initializing_layers
from xadv_tf.methods import classifiers, passes
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Phase, Player, Terms


class GenerativeMethod(Method):
    """Two players, an objective each: first the classifier moves, then the generator.

    While one moves the other is fixed, and each move costs one forward pass of its own and one
    backward pass. The generator always normalises by its batch.

    Args:
        classifier: any Keras classifier that gives logits.
        generator: a Keras model, [batch, latent] -> images; its input is uniform on [0, 1).
        classifier_weights: weights of the terms of `classifier_losses`.
        generator_weights: weights of the terms of `generator_losses`.
        **kwargs: `seed`, `ema_decay`, `evaluate_ema` and `name` of `Method`.
    """

    combinable = False
    perturbs = True
    in_image_units = ("the generator's images",)

    def __init__(
        self,
        classifier: Any,
        *,
        generator: Any,
        classifier_weights: Mapping[str, Any],
        generator_weights: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            classifier, loss_weights={**classifier_weights, **generator_weights}, **kwargs
        )
        classifiers.refuse_other_than_layer("generator", generator)
        self.generator = generator
        self.generator_optimizer: Any = None
        self._generator_terms = frozenset(generator_weights)

    def classifier_losses(self, batch: Batch) -> Terms:
        """What the classifier's objective weighs; no gradient reaches the generator."""
        raise NotImplementedError

    def generator_losses(self, batch: Batch) -> Terms:
        """What the generator's objective weighs; no gradient reaches the classifier."""
        raise NotImplementedError

    def compute_losses(self, batch: Batch) -> Terms:
        """The terms of both, as if nobody had moved yet."""
        return {**self.classifier_losses(batch), **self.generator_losses(batch)}

    def objectives(self) -> Mapping[str, Mapping[str, Any]]:
        """One each: "objective" of the classifier, "generator_objective"."""
        mine: dict[str, dict[str, Any]] = {"objective": {}, "generator_objective": {}}
        for term, weight in self.loss_weights.items():
            name = "generator_objective" if term in self._generator_terms else "objective"
            mine[name][term] = weight
        return mine

    def players(self) -> Sequence[Player]:
        """The classifier and the generator."""
        variables = self.generator.trainable_variables
        generator = Player("generator", variables, self.generator_optimizer, "generator_objective")
        return [*super().players(), generator]

    def phases(self) -> Sequence[Phase]:
        """The classifier's turn, then the generator's."""
        classifier, generator = self.players()
        return [
            Phase(self.classifier_losses, [classifier]),
            Phase(self.generator_losses, [generator]),
        ]

    def initialize(self, batches: Iterable[Batch]) -> None:
        """As `Method.initialize`; the generator's layers from as many images as the classifier's.

        Args:
            batches: see `Method.initialize`.
        """
        super().initialize(batches)
        if initializing_layers(self.generator):
            latent = self._latent(self.initialization_images, "initialize")
            passes.initializing_pass(self.generator, latent, self.noise_seed)

    def fakes(self, count: Any, purpose: str) -> tf.Tensor:
        """Generated images, float32 [count, ...], from noise of this step and `purpose`."""
        latent = self._latent(count, purpose)
        return self.forward(latent, f"generator/{purpose}", model=self.generator)

    def generate(self, count: int, seed: int = 0) -> tf.Tensor:
        """Images of the trained generator, float32 [count, ...], normalised by their batch."""
        latent = noise.uniform(
            [count, self.generator.input_shape[-1]], noise.seed_pair(seed, "generate", 0, 0)
        )
        return passes.training_pass(
            self.generator,
            latent,
            lambda purpose: noise.seed_pair(seed, purpose, 0, 0),
            "generate",
        )

    def build(self, input_shape: Any) -> None:
        """Builds classifier and optimizers for images of `input_shape`, [batch, ...].

        Raises:
            ValueError: for a generator of other images.
        """
        made = tuple(self.generator.output_shape[1:])
        if made != tuple(input_shape[1:]):
            raise ValueError(
                f"generator must make images of shape {tuple(input_shape[1:])}. Received: {made}"
            )
        super().build(input_shape)

    def compile(
        self, optimizer: Any = None, generator_optimizer: Any = None, **kwargs: Any
    ) -> None:
        """Sets both optimizers.

        Args:
            optimizer: the classifier's; by default `xadv_tf.optimizers.Adam()`.
            generator_optimizer: likewise.
            **kwargs: of `Method.compile`.
        """
        self.generator_optimizer = self.own_optimizer(generator_optimizer, optimizers.Adam)
        super().compile(optimizer, **kwargs)

    def named_optimizers(self) -> dict[str, Any]:
        """The generator's."""
        return {"generator_optimizer": self.generator_optimizer}

    def _latent(self, count: Any, purpose: str) -> tf.Tensor:
        return noise.uniform([count, self.generator.input_shape[-1]], self.noise_seed(purpose))
