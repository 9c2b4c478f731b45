"""Attributions: for each image a number a pixel, large where the prediction depends on it.

All are functions of a callable images -> logits, and give float32 [batch, height, width]; within
`tf.function` they compile. `removal` measures them.
"""

from xadv_tf.attributions.class_activations import grad_cam, with_features
from xadv_tf.attributions.controls import blurred_random, distance, random
from xadv_tf.attributions.gradients import gradient, integrated_gradients, smooth_grad
from xadv_tf.attributions.masked_scores import rise
from xadv_tf.attributions.removal import Curves, area, counts, deletion, insertion, ranks
from xadv_tf.attributions.trained_mask import trained_log_alpha

__all__ = [
    "Curves",
    "area",
    "blurred_random",
    "counts",
    "deletion",
    "distance",
    "grad_cam",
    "gradient",
    "insertion",
    "integrated_gradients",
    "random",
    "ranks",
    "rise",
    "smooth_grad",
    "trained_log_alpha",
    "with_features",
]
