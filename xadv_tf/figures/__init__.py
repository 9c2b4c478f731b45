"""Pictures, by matplotlib's object interface: nothing here opens a window or keeps global state."""

from xadv_tf.figures.confusion import draw_confusion
from xadv_tf.figures.masks import (
    Additive,
    Multiplicative,
    Result,
    Unperturbed,
    draw_perturbations,
)
from xadv_tf.figures.plotting import plot
from xadv_tf.figures.reliability import draw_reliability
from xadv_tf.figures.saving import check_name, pixels, save

__all__ = [
    "Additive",
    "Multiplicative",
    "Result",
    "Unperturbed",
    "check_name",
    "draw_confusion",
    "draw_perturbations",
    "draw_reliability",
    "pixels",
    "plot",
    "save",
]
