"""CatGAN: be sure of real images, unsure of generated ones (Springenberg, ICLR 2016)."""

from typing import Any

import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.layers.moments import batch_mean
from xadv_tf.methods.generative import GenerativeMethod
from xadv_tf.methods.players import Batch, Terms


class CatGAN(GenerativeMethod):
    """Entropies H of predictions p, and of the mean prediction over the global batch.

    The classifier descends -H[mean p(x)] + mean H[p(x)] - mean H[p(G(u))] + clean_weight CE: all
    classes alike, each real image sure, each generated one unsure. The generator descends
    -H[mean p(G(u))] + mean H[p(G(u))]: it wants its images sure, and all classes alike. A published
    port has the sign of that marginal entropy wrong: there the generator does best with one class.

    Example:
        ```python
        method = CatGAN(classifier, generator=generator)
        method.compile(optimizer="adam", generator_optimizer="adam")
        method.fit(batches)
        images = method.generate(16)
        ```

    Args:
        classifier: any Keras classifier that gives logits.
        generator: a Keras model, [batch, latent] -> images; its input is uniform on [0, 1).
        clean_weight: weight lambda of CE; the published one is not known.
        seed: of all the method's randomness (see `Method`).
        ema_decay: in (0, 1), keeps the averaged weights that `Method` describes; None keeps none.
        evaluate_ema: whether those weights are evaluated and exported.
        name: of the Keras model.
    """

    formula = (
        "J = −H[E p(x)] + E H[p(x)] − E H[p(G(u))] + λ CE(y, p(x)); "
        "J_G = −H[E p(G(u))] + E H[p(G(u))], E over the batch. The classifier descends J, then the "
        "generator G descends J_G."
    )

    def __init__(
        self,
        classifier: Any,
        *,
        generator: Any,
        clean_weight: float = 1.0,
        seed: int = 0,
        ema_decay: float | None = None,
        evaluate_ema: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            classifier,
            generator=generator,
            classifier_weights={
                "cross_entropy": clean_weight,
                "real_marginal_entropy": -1.0,
                "real_entropy": 1.0,
                "fake_entropy": -1.0,
            },
            generator_weights={"generator_marginal_entropy": -1.0, "generator_entropy": 1.0},
            seed=seed,
            ema_decay=ema_decay,
            evaluate_ema=evaluate_ema,
            name=name,
        )

    def classifier_losses(self, batch: Batch) -> Terms:
        """CE and the three entropies above, [batch] each but the marginal one, a scalar."""
        logits = self.labeled_forward(batch)
        real = self.unlabeled_forward(batch, logits)
        fakes = tf.stop_gradient(self.fakes(tf.shape(real)[0], "fake"))
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            "real_marginal_entropy": _marginal_entropy(real),
            "real_entropy": divergences.entropy(real),
            "fake_entropy": divergences.entropy(self.forward(fakes, "fake")),
        }

    def generator_losses(self, batch: Batch) -> Terms:
        """The two entropies of the generator, the marginal one a scalar, the other [batch]."""
        count = tf.shape(batch["unlabeled"]["image"])[0]
        logits = self.forward(self.fakes(count, "generator"), "generator", fixed=True)
        return {
            "generator_marginal_entropy": _marginal_entropy(logits),
            "generator_entropy": divergences.entropy(logits),
        }


def _marginal_entropy(logits: tf.Tensor) -> tf.Tensor:
    """H of the mean prediction over the batches of all replicas, in [0, log classes], scalar."""
    mean, _ = batch_mean(tf.nn.softmax(logits), synchronized=True)
    # A class that nobody predicts has the limit of m log m, 0, and a finite gradient.
    return -tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, 1e-30)))
