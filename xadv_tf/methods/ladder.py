"""Ladder: every layer's noise is taken away again by a decoder (Rasmus et al., NIPS 2015)."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from xadv_tf import noise, optimizers
from xadv_tf.layers import LadderDecoder, NormalizedStage
from xadv_tf.methods.base import Method
from xadv_tf.methods.players import Batch, Player, Terms, is_supervised

# Of the paper: from the input up for the MLP, and of the top level alone for convolutions.
_INPUT_WEIGHT, _FIRST_WEIGHT, _HIGHER_WEIGHT = 1000.0, 10.0, 0.1
_GAMMA_WEIGHT = 4.0


class Ladder(Method):
    """Descends CE(y, noisy p(x)) + sum_l lambda_l C_l, C_l the error in undoing level l's noise.

    The classifier is run twice: clean, and with N(0, noise_stddev^2) added to the input and to the
    normalised z of every stage. From the noisy levels of the unlabeled images a decoder, which is
    trained alongside, estimates z_hat;

        C_l = mean over units of ((z_hat - mean) / deviation - z)^2,

    z, mean and deviation those of the clean path, before and after its normalisation; at the input
    mean 0 and deviation 1. The targets are not detached: the classifier learns to be easy to
    denoise. Labeled and unlabeled images are normalised apart. Where only the top level has a
    weight this is the paper's Gamma-model.

    The running statistics that the clean path predicts with are not followed in training but
    estimated in `prepare_evaluation`, which `fit` leaves to its caller.

    Example:
        ```python
        method = Ladder(ladder_mlp((28, 28, 1), 10, hidden_units=(100, 50)))
        method.compile(optimizer="adam")
        method.fit(batches)
        method.prepare_evaluation(batches)
        logits = method(images)
        ```

    Args:
        classifier: a `keras.Sequential` whose last layer is a `NormalizedStage` that gives logits,
            such as `models.ladder_mlp()`. Layers that are no stages must be free of state.
        noise_stddev: of the noise, >= 0.
        denoising_weights: lambda_l from the input up to the top, one more than there are stages, >=
            0. By default 1000, 10, 0.1, 0.1, ... where all stages are dense, otherwise 4 for the
            top and 0 for the others. Levels from the lowest with a weight to the top are decoded,
            which takes dense stages.
        statistics_batches: labeled batches whose moments are averaged for prediction. All batches
            are equal if they hold all labeled images, as with 100 labels.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for a classifier without stages, or arguments out of range.
    """

    perturbs = True
    in_image_units = ("noise_stddev", "what is denoised")
    # Its labeled pass is the noisy one, by an encoder of its own.
    combinable = False
    formula = (
        "J = CE(y, noisy p(x)) + Σ λₗ · mean (ẑₗ − zₗ)² over levels l, where a decoder estimates "
        "ẑₗ from the noisy levels for the clean zₗ. Classifier and decoder descend J."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        noise_stddev: float = 0.3,
        denoising_weights: Sequence[float] | None = None,
        statistics_batches: int = 40,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        stages = _stages(classifier)
        if noise_stddev < 0:
            raise ValueError(
                f"noise_stddev must not be negative. Received: noise_stddev={noise_stddev}"
            )
        if statistics_batches < 1:
            raise ValueError(
                "statistics_batches must be at least 1. "
                f"Received: statistics_batches={statistics_batches}"
            )
        weights = _paper_weights(stages) if denoising_weights is None else list(denoising_weights)
        if len(weights) != len(stages) + 1 or min(weights) < 0 or max(weights) == 0:
            raise ValueError(
                f"denoising_weights must be {len(stages) + 1} numbers, of the input and of the "
                f"{len(stages)} stages, none negative and not all 0. "
                f"Received: denoising_weights={weights}"
            )
        levels = [level for level, weight in enumerate(weights) if weight]
        super().__init__(
            classifier,
            loss_weights={
                "cross_entropy": 1.0,
                **{f"denoising_{level}": float(weights[level]) for level in levels},
            },
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.noise_stddev = noise_stddev
        self.lowest_level = levels[0]
        self.statistics_batches = statistics_batches
        self.decoder: Any = None
        self.decoder_optimizer: Any = None

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "denoising_<level>"}, [batch] each."""
        image = batch["unlabeled"]["image"]
        streams = [(image, None), (image, "noisy")]
        if not is_supervised(batch):
            streams.append((batch["labeled"]["image"], "noisy/labeled"))
        clean, noisy, *others = self._encode(self.classifier, streams)
        logits = others[0].logits if others else noisy.logits
        label = batch["labeled"]["label"]
        self.record_accuracy(label, logits)
        terms = {"cross_entropy": self.supervised_loss(batch, logits)}
        estimates = self.decoder(noisy.z[self.lowest_level :], noisy.logits)
        for level, estimate in enumerate(estimates, start=self.lowest_level):
            if f"denoising_{level}" in self.loss_weights:
                normalized = (estimate - clean.mean[level]) / clean.deviation[level]
                error = tf.square(normalized - clean.z[level])
                terms[f"denoising_{level}"] = tf.reduce_mean(error, axis=-1)
        return terms

    def players(self) -> Sequence[Player]:
        """The classifier and, by the same objective, the decoder."""
        decoder = Player("decoder", self.decoder.trainable_variables, self.decoder_optimizer)
        return [*super().players(), decoder]

    def prepare_evaluation(self, batches: Iterable[Batch]) -> None:
        """Sets the running statistics to those of the clean labeled path, averaged over batches.

        The mean of the batches' means and of their unbiased variances, each stage fed with the
        batch-normalised output of the one below.
        """
        model = self.evaluated
        moments = []
        for batch in itertools.islice(batches, self.statistics_batches):
            (path,) = self._encode(model, [(batch["labeled"]["image"], None)])
            moments.append([*path.mean[1:], *path.unbiased_variance[1:]])
        statistics = [stage.statistics for stage in _stages(model)]
        variables = [s.moving_mean for s in statistics] + [s.moving_variance for s in statistics]
        for variable, values in zip(variables, zip(*moments, strict=True), strict=True):
            variable.assign(tf.add_n(values) / len(values))

    def build(self, input_shape: Any) -> None:
        """Builds classifier, decoder and optimizers for images of `input_shape`, [batch, ...].

        Raises:
            ValueError: if a level that is to be decoded is no vector.
        """
        if not self.classifier.built:
            self.classifier(keras.Input(input_shape[1:]))
        if self.decoder is None:
            stages = _stages(self.classifier)
            shapes = [stages[0].input.shape, *(stage.output.shape for stage in stages)]
            decoded = [tuple(shape[1:]) for shape in shapes[self.lowest_level :]]
            if any(len(shape) != 1 for shape in decoded):
                raise ValueError(
                    "denoising_weights may be positive only from where all stages above are dense. "
                    f"Received: a positive weight for level {self.lowest_level}, above which the "
                    f"shapes are {decoded}"
                )
            self.decoder = LadderDecoder(
                [width for (width,) in decoded],
                synchronized=stages[-1].synchronized,
                seed=self.seed,
            )
            self.decoder.build()
        super().build(input_shape)

    def compile(self, optimizer: Any = None, decoder_optimizer: Any = None, **kwargs: Any) -> None:
        """Sets both optimizers.

        Args:
            optimizer: the classifier's; by default `xadv_tf.optimizers.Adam()`.
            decoder_optimizer: the decoder's; by default another such as the classifier's.
            **kwargs: of `Method.compile`.
        """
        optimizer = self.own_optimizer(optimizer, optimizers.Adam)
        self.decoder_optimizer = self.own_optimizer(
            decoder_optimizer, lambda: type(optimizer).from_config(optimizer.get_config())
        )
        super().compile(optimizer, **kwargs)

    def named_optimizers(self) -> dict[str, Any]:
        """The decoder's."""
        return {"decoder_optimizer": self.decoder_optimizer}

    def _encode(self, model: Any, streams: Sequence[tuple[Any, str | None]]) -> list["_Path"]:
        """Runs streams of images up the classifier, each normalised by itself.

        They go through each linear layer together: one large product is faster than several small
        ones, and so is its gradient.

        Args:
            model: the classifier, or its averaged twin.
            streams: (image, purpose of its noise, or None for a clean path), any batch sizes.
        """
        sizes = [_batch_size(image) for image, _ in streams]
        paths = [_Path() for _ in streams]

        def disturbed(z: Any, purpose: str | None, level: int) -> Any:
            if purpose is None or self.noise_stddev == 0:
                return z
            seed = self.noise_seed(f"{purpose}/{level}")
            return z + self.noise_stddev * tf.cast(noise.normal(tf.shape(z), seed), z.dtype)

        h = tf.concat([disturbed(image, purpose, 0) for image, purpose in streams], axis=0)
        for layer in model.layers:
            if not isinstance(layer, NormalizedStage):
                h = layer(h)
                continue
            if not paths[0].z:
                for path, z in zip(paths, tf.split(h, sizes), strict=True):
                    path.add(tf.cast(z, tf.float32), 0.0, 1.0, 0.0)
            outputs = tf.split(layer.linear(h), sizes)
            for path, output, (_, purpose) in zip(paths, outputs, streams, strict=True):
                z, *moments = layer.standardize(output)
                path.add(disturbed(z, purpose, len(path.z)), *moments)
            h = layer.activate(tf.concat([path.z[-1] for path in paths], axis=0))
        for path, logits in zip(paths, tf.split(h, sizes), strict=True):
            path.logits = logits
        return paths


@dataclasses.dataclass
class _Path:
    """What a stream leaves on its way up: by level, z, and what it was before normalisation."""

    z: list[Any] = dataclasses.field(default_factory=list)
    mean: list[Any] = dataclasses.field(default_factory=list)
    deviation: list[Any] = dataclasses.field(default_factory=list)
    unbiased_variance: list[Any] = dataclasses.field(default_factory=list)
    logits: Any = None

    def add(self, z: Any, mean: Any, deviation: Any, unbiased_variance: Any) -> None:
        self.z.append(z)
        self.mean.append(mean)
        self.deviation.append(deviation)
        self.unbiased_variance.append(unbiased_variance)


def _stages(classifier: Any) -> list[NormalizedStage]:
    layers = classifier.layers if isinstance(classifier, keras.Sequential) else []
    if not layers or not isinstance(layers[-1], NormalizedStage):
        raise ValueError(
            "The ladder's model must be ladder_mlp, ladder_conv or another keras.Sequential that "
            f"ends in a NormalizedStage. Received: model={getattr(classifier, 'name', classifier)}"
        )
    return [layer for layer in layers if isinstance(layer, NormalizedStage)]


def _paper_weights(stages: Sequence[NormalizedStage]) -> list[float]:
    if all(isinstance(stage.linear, keras.layers.Dense) for stage in stages):
        return [_INPUT_WEIGHT, _FIRST_WEIGHT, *[_HIGHER_WEIGHT] * (len(stages) - 1)]
    return [0.0] * len(stages) + [_GAMMA_WEIGHT]


def _batch_size(image: Any) -> Any:
    # `fit` traces batches of unknown size.
    return image.shape[0] if image.shape[0] is not None else tf.shape(image)[0]
