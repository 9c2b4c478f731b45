"""What xAT and xVAT share: a mask that is trained against the classifier, jointly or in turns."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from xadv_tf import masks, optimizers
from xadv_tf.layers import PerturbationGenerator, PerturbationTable, reverse_gradient
from xadv_tf.layers.perturbation_table import refuse_other_rows
from xadv_tf.methods.multiplicative import MultiplicativeMethod
from xadv_tf.methods.players import Batch, Phase, Player, Terms

_REDUCTIONS = ("sum", "mean")


class TrainedMaskMethod(MultiplicativeMethod):
    """Two players, one objective: J = CE + weight D(x, z) + sparsity L0 - smoothness S.

    The classifier descends J; the mask ascends it, so it hurts the prediction (D) while keeping
    pixels (L0 counts kept ones) and, if asked, while staying smooth. Gradients of both come from
    one backward pass, its sign turned at log_alpha.

    Args:
        classifier: any Keras classifier that gives logits.
        mask: where log_alpha lives: PerturbationGenerator (inductive; the default) or
            PerturbationTable over the pool (transductive).
        clean_weight: weight of CE on the clean labeled images.
        adversarial_weight: weight of D.
        sparsity: weight lambda of L0. By default 1 for the mean over pixels, 1/pixels for the sum,
            which is the same objective.
        l0_reduction: "sum" over pixels (the paper) or "mean" (the released code).
        smoothness: weight of the roughness S of the drawn mask; positive makes masks smooth,
            negative rewards roughness, as the released code's one-step path does.
        alternating_steps: 0 moves both players from one backward pass; k > 0 first takes k ascent
            steps of the mask alone, each with a fresh draw, then moves the classifier.
        **kwargs: `divergence`, `output_scale`, `fill`, `gate` and `divergence_confidence` of
            `MultiplicativeMethod`; `seed`, `ema_decay`, `evaluate_ema` and `name` of `Method`.

    Raises:
        ValueError: for arguments out of range.
    """

    def __init__(
        self,
        classifier: Any,
        *,
        mask: PerturbationGenerator | PerturbationTable | None = None,
        clean_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        sparsity: float | None = None,
        l0_reduction: str = "sum",
        smoothness: float = 0.0,
        alternating_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        if l0_reduction not in _REDUCTIONS:
            raise ValueError(
                f"l0_reduction must be 'sum' or 'mean'. Received: l0_reduction={l0_reduction!r}"
            )
        if sparsity is not None and sparsity < 0:
            raise ValueError(f"sparsity must not be negative. Received: sparsity={sparsity}")
        if alternating_steps < 0:
            raise ValueError(
                "alternating_steps must not be negative. "
                f"Received: alternating_steps={alternating_steps}"
            )
        if mask is not None and not isinstance(mask, PerturbationGenerator | PerturbationTable):
            raise ValueError(
                "mask must be a PerturbationGenerator, a PerturbationTable or None. "
                f"Received: mask={mask!r}"
            )
        super().__init__(
            classifier,
            loss_weights={
                "cross_entropy": clean_weight,
                "divergence": adversarial_weight,
                "l0": 0.0 if sparsity is None else sparsity,
                # Without a weight S would be computed for the log alone, 4 % of an MLP's step.
                **({"roughness": -smoothness} if smoothness else {}),
            },
            **kwargs,
        )
        self.mask = mask or PerturbationGenerator()
        self.sparsity = sparsity
        self.l0_reduction = l0_reduction
        self.alternating_steps = alternating_steps
        self.mask_optimizer: Any = None

    @property
    def in_image_units(self) -> tuple[str, ...]:
        """What a generator sees."""
        return ("the inputs of the mask",) if isinstance(self.mask, PerturbationGenerator) else ()

    @property
    def num_rows(self) -> int | None:
        """Of a mask that is a table."""
        return self.mask.num_examples if isinstance(self.mask, PerturbationTable) else None

    def log_alpha(self, image: tf.Tensor, index: Any = None) -> tf.Tensor:
        """log_alpha of these images (see `MultiplicativeMethod.log_alpha`).

        Raises:
            ValueError: for a table without an index, or with one of no row.
        """
        if isinstance(self.mask, PerturbationGenerator):
            return self.mask(image)
        if index is None:
            raise ValueError(
                "A mask that is a table is found by the image's index in the pool; "
                "pass index=[batch]. Received: index=None"
            )
        # Here, for Keras adds lines to what a layer raises.
        refuse_other_rows(index, self.mask.num_examples)
        rows = self.mask(index)
        if isinstance(self.mask_optimizer, optimizers.RowAdam):
            # Where a dense optimizer would have carried these rows since their last visit.
            rows += tf.stop_gradient(self.mask_optimizer.drift(self.mask.log_alpha, index))
        return rows

    def mask_terms(self, log_alpha: tf.Tensor, mask: tf.Tensor, image_shape: Any) -> Terms:
        """{"l0"} and, if it has a weight, {"roughness"}: kept pixels (or their share), and S."""
        axes = list(range(1, len(log_alpha.shape)))
        share = tf.reduce_mean(self.gate.expected_l0(log_alpha), axis=axes)
        if self.l0_reduction == "sum":
            share *= _num_gates(image_shape, mask.shape[-1])
        terms = {"l0": share}
        if "roughness" in self.loss_weights:
            # The released code squashes the drawn mask with expected L0's sigmoid.
            terms["roughness"] = masks.roughness(self.gate.expected_l0(mask))
        return terms

    def adversarial_terms(self, batch: Batch, labeled_logits: Any, purpose: str) -> Terms:
        """{"divergence"} and the mask's own terms, for a fresh mask.

        Args:
            batch: the step's batch.
            labeled_logits: logits of the labeled pass, or None where there was none.
            purpose: name of the draw.
        """
        raise NotImplementedError

    def masked_terms(self, examples: Any, purpose: str) -> tuple[tf.Tensor, Terms]:
        """Logits of the examples under a fresh mask, and the terms of that mask.

        log_alpha enters through the gradient reversal: all that flows back to it makes it ascend.
        """
        image = examples["image"]
        log_alpha = reverse_gradient(self.log_alpha(image, examples.get("index")))
        mask = self.draw_mask(log_alpha, f"gate/{purpose}")
        logits = self.forward(self.masked(image, mask), f"masked/{purpose}")
        return logits, self.mask_terms(log_alpha, mask, image.shape)

    def compute_losses(self, batch: Batch) -> Terms:
        """{"cross_entropy", "divergence"} and the mask's own terms, [batch] each."""
        logits = self.labeled_forward(batch)
        return {
            "cross_entropy": self.supervised_loss(batch, logits),
            **self.adversarial_terms(batch, logits, "joint"),
        }

    def players(self) -> Sequence[Player]:
        """The classifier and, by the same objective, the mask."""
        return [*super().players(), self._mask_player()]

    def phases(self) -> Sequence[Phase]:
        """One joint phase, or `alternating_steps` of the mask and one of the classifier."""
        if not self.alternating_steps:
            return super().phases()
        ascents = [
            Phase(
                functools.partial(
                    self.adversarial_terms, labeled_logits=None, purpose=f"ascent{i}"
                ),
                [self._mask_player()],
            )
            for i in range(self.alternating_steps)
        ]
        return [*ascents, Phase(self.compute_losses, super().players())]

    def check_classifier(self, input_shape: Any) -> None:
        """As `MultiplicativeMethod.check_classifier`; the rows of a table must fit the images."""
        super().check_classifier(input_shape)
        if isinstance(self.mask, PerturbationTable):
            masks.refuse_other_gates(self.mask.shape, input_shape)

    def build(self, input_shape: Any) -> None:
        """Builds classifier, mask and optimizers for images of `input_shape`, [batch, ...]."""
        self.check_classifier(input_shape)
        if not self.mask.built:
            self.mask.build(input_shape)
        if self.sparsity is None:
            channels = self.mask.compute_output_shape(input_shape)[-1]
            total = self.l0_reduction == "sum"
            self.loss_weights["l0"] = 1.0 / _num_gates(input_shape, channels) if total else 1.0
        super().build(input_shape)

    def compile(self, optimizer: Any = None, mask_optimizer: Any = None, **kwargs: Any) -> None:
        """Sets both optimizers.

        Args:
            optimizer: the classifier's; by default `xadv_tf.optimizers.Adam()`.
            mask_optimizer: the mask's; by default Adam() for a generator and RowAdam() for a
                table, whose step costs O(batch). Another optimizer on a table touches every row.
            **kwargs: of `Method.compile`.
        """
        in_table = isinstance(self.mask, PerturbationTable)
        by_default = optimizers.RowAdam if in_table else optimizers.Adam
        self.mask_optimizer = self.own_optimizer(mask_optimizer, by_default)
        super().compile(optimizer, **kwargs)

    def named_optimizers(self) -> dict[str, Any]:
        """The mask's."""
        return {"mask_optimizer": self.mask_optimizer}

    def _mask_player(self) -> Player:
        return Player("mask", self.mask.trainable_variables, self.mask_optimizer)


def _num_gates(image_shape: Any, mask_channels: Any) -> int:
    """Gates of a mask at the image's resolution: the pixels, once per channel of the mask."""
    if None in tuple(image_shape[1:]):
        raise ValueError(
            "Images of no fixed size need l0_reduction='mean'. "
            f"Received: l0_reduction='sum' and images of shape {tuple(image_shape)}"
        )
    return masks.num_gates(image_shape, mask_channels)
