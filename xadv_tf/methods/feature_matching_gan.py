"""Feature-matching GAN (Salimans, Goodfellow, Zaremba, Cheung, Radford & Chen, NIPS 2016)."""

from typing import Any

import tensorflow as tf

from xadv_tf.layers.moments import batch_mean
from xadv_tf.methods.features import last_hidden
from xadv_tf.methods.generative import GenerativeMethod
from xadv_tf.methods.players import Batch, Terms, is_supervised

_DISTANCES = ("squared", "absolute")


class FeatureMatchingGAN(GenerativeMethod):
    """The classifier tells real images from generated ones; the generator matches its features.

    Of K logits l, with Z = sum exp l, an image is real with probability D = Z / (Z + 1): a softmax
    of K + 1 logits, that of "generated" fixed at 0. The classifier descends
    CE - mean log D(real) / 2 - mean log(1 - D(fake)) / 2, the generator the distance between the
    mean features of real and of generated images, mean over features of their squared or absolute
    difference. Means are over the global batch. Features are the last hidden layer's, before its
    noise, in training mode.

    The published code evaluates weights averaged by a += 1e-4 (w - a) from a = 0, which after t
    steps are 1 - (1 - 1e-4)^t times those of `ema_decay=0.9999`: 6 % after 600 steps. What is
    evaluated here is that average without the factor.

    Example:
        ```python
        method = FeatureMatchingGAN(classifier, generator=generator)
        method.compile(optimizer="adam", generator_optimizer="adam")
        method.fit(batches)
        images = method.generate(16)
        ```

    Args:
        classifier: a functional or sequential Keras classifier that gives logits and ends in a
            layer with one input (see `features.last_hidden`). Published: without batch
            normalisation, which would tell the real batch from the generated one.
        generator: a Keras model, [batch, latent] -> images; its input is uniform on [0, 1).
        feature_distance: "squared" (MNIST) or "absolute" (SVHN, CIFAR-10).
        separate_batches: whether the two turns share the unlabeled batch out between them, as
            published: every other image is the generator's. Otherwise both turns see all of it.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.

    Raises:
        ValueError: for an unknown distance; when built, for a classifier of another kind.
    """

    formula = (
        "J = CE(y, p(x)) − ½ mean log D(x) − ½ mean log(1 − D(G(u))), where D = Z / (Z + 1) and "
        "Z = Σ exp l; J_G = mean (E f(x) − E f(G(u)))² or mean |E f(x) − E f(G(u))| over the "
        "features f. The classifier descends J, then the generator G descends J_G."
    )
    # The published initialisation's.
    initialization_images = 500

    def __init__(
        self,
        classifier: Any,
        *,
        generator: Any,
        feature_distance: str = "squared",
        separate_batches: bool = False,
        seed: int = 0,
        ema_decay: float | None = 0.9999,
        evaluate_ema: bool = True,
        name: str | None = None,
    ) -> None:
        if feature_distance not in _DISTANCES:
            raise ValueError(
                "feature_distance must be 'squared' or 'absolute'. "
                f"Received: feature_distance={feature_distance!r}"
            )
        super().__init__(
            classifier,
            generator=generator,
            classifier_weights={"cross_entropy": 1.0, "real": 0.5, "fake": 0.5},
            generator_weights={"feature_matching": 1.0},
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )
        self.feature_distance = feature_distance
        self.separate_batches = separate_batches
        self.features: Any = None

    def build(self, input_shape: Any) -> None:
        """Builds all networks and optimizers for images of `input_shape`, [batch, ...]."""
        super().build(input_shape)
        if self.features is None:
            self.features = last_hidden(self.classifier)

    def classifier_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "real", "fake"}: CE, -log D(real), -log(1 - D(fake)), [batch] each."""
        # Every other one, so that the halves are the same however many replicas share the batch.
        share = slice(None, None, 2 if self.separate_batches else 1)
        image = batch["unlabeled"]["image"][share]
        logits = self.labeled_forward(batch)
        real = logits[share] if is_supervised(batch) else self.forward(image, "real")
        fakes = tf.stop_gradient(self.fakes(tf.shape(image)[0], "fake"))
        fake = self.forward(fakes, "fake")
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "real": tf.nn.softplus(-_log_partition(real)),
            "fake": tf.nn.softplus(_log_partition(fake)),
        }

    def generator_losses(self, batch: Batch) -> Terms:
        """{"feature_matching"}, scalar."""
        image = batch["unlabeled"]["image"]
        if self.separate_batches:
            image = image[1::2]
        fakes = self.fakes(tf.shape(image)[0], "match_fake")
        difference = self._mean_features(image, "match_real") - self._mean_features(
            fakes, "match_fake"
        )
        squared = self.feature_distance == "squared"
        distance = tf.square(difference) if squared else tf.abs(difference)
        return {"feature_matching": tf.reduce_mean(distance)}

    def _mean_features(self, image: Any, purpose: str) -> tf.Tensor:
        features = self.forward(image, purpose, model=self.features, fixed=True)
        flat = tf.reshape(features, [-1, features.shape[1:].num_elements()])
        return batch_mean(flat, synchronized=True)[0]


def _log_partition(logits: tf.Tensor) -> tf.Tensor:
    """Log Z, [batch]; log D = log Z - log(1 + Z) = -softplus(-log Z)."""
    return tf.reduce_logsumexp(logits, axis=-1)
