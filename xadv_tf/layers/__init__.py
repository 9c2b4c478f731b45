"""Keras layers: the gate, the masks, the gradient reversal and what the classifiers need."""

from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.layers.ensemble_table import EnsembleTable
from xadv_tf.layers.gradient_reversal import reverse_gradient
from xadv_tf.layers.hard_concrete_gate import HardConcreteGate
from xadv_tf.layers.ladder_decoder import GaussianDenoiser, LadderDecoder
from xadv_tf.layers.max_pooling import MaxPooling2D
from xadv_tf.layers.normalized_stage import NormalizedStage
from xadv_tf.layers.perturbation_generator import PerturbationGenerator
from xadv_tf.layers.perturbation_table import PerturbationTable
from xadv_tf.layers.weight_normalization import (
    WeightNormConv2D,
    WeightNormConv2DTranspose,
    WeightNormDense,
)

__all__ = [
    "BatchNormalization",
    "EnsembleTable",
    "GaussianDenoiser",
    "HardConcreteGate",
    "LadderDecoder",
    "MaxPooling2D",
    "NormalizedStage",
    "PerturbationGenerator",
    "PerturbationTable",
    "WeightNormConv2D",
    "WeightNormConv2DTranspose",
    "WeightNormDense",
    "reverse_gradient",
]
