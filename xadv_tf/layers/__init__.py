"""Keras layers: the gate, the masks, the gradient reversal and what the classifiers need."""

from xadv_tf.layers.batch_normalization import BatchNormalization
from xadv_tf.layers.gradient_reversal import reverse_gradient
from xadv_tf.layers.hard_concrete_gate import HardConcreteGate
from xadv_tf.layers.perturbation_generator import PerturbationGenerator
from xadv_tf.layers.perturbation_table import PerturbationTable

__all__ = [
    "BatchNormalization",
    "HardConcreteGate",
    "PerturbationGenerator",
    "PerturbationTable",
    "reverse_gradient",
]
