"""Pictures, by matplotlib's object interface: nothing here opens a window or keeps global state."""

from xadv_tf.figures.animation import ANIMATIONS, save_animation
from xadv_tf.figures.attribution_maps import draw_attributions
from xadv_tf.figures.comparison import Block, draw_comparison
from xadv_tf.figures.confusion import draw_confusion
from xadv_tf.figures.curves import Curve, draw_curves
from xadv_tf.figures.evolution import Snapshot, draw_evolution, mean_move
from xadv_tf.figures.geometry import Lengths, Perturbed, draw_geometry
from xadv_tf.figures.masks import (
    Additive,
    Multiplicative,
    Result,
    Unperturbed,
    draw_perturbations,
)
from xadv_tf.figures.planes import Plane, draw_planes
from xadv_tf.figures.plotting import plot
from xadv_tf.figures.reliability import draw_reliability
from xadv_tf.figures.removal_curves import MeanCurve, Panel, draw_removal_curves
from xadv_tf.figures.robustness import draw_robustness
from xadv_tf.figures.saving import FORMATS, check_name, pixels, save
from xadv_tf.figures.weights import Sparsity, draw_weights, measure_sparsity

__all__ = [
    "ANIMATIONS",
    "FORMATS",
    "Additive",
    "Block",
    "Curve",
    "Lengths",
    "MeanCurve",
    "Multiplicative",
    "Panel",
    "Perturbed",
    "Plane",
    "Result",
    "Snapshot",
    "Sparsity",
    "Unperturbed",
    "check_name",
    "draw_attributions",
    "draw_comparison",
    "draw_confusion",
    "draw_curves",
    "draw_evolution",
    "draw_geometry",
    "draw_perturbations",
    "draw_planes",
    "draw_reliability",
    "draw_removal_curves",
    "draw_robustness",
    "draw_weights",
    "mean_move",
    "measure_sparsity",
    "pixels",
    "plot",
    "save",
    "save_animation",
]
