"""FGSM: one step along the gradient (Goodfellow, Shlens & Szegedy, ICLR 2015)."""

import tensorflow as tf

from xadv_tf import norms
from xadv_tf.attacks.attack import Best
from xadv_tf.attacks.ball import BallAttack


class FGSM(BallAttack):
    """One step to the border of the ball: epsilon sign(g), or with norm "l2" epsilon g / |g|.

    On a linear classifier of two classes it is the worst of the ball, as far as no value leaves the
    range of pixels. See `BallAttack` for arguments; it has no random start, so restarts repeat it.
    """

    def search_once(
        self, images: tf.Tensor, labels: tf.Tensor, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> Best:
        """The one step."""
        _, gradient = self.evaluate_with_gradient(images, labels, images)
        step = norms.steepest_step(gradient, epsilon, self.norm)
        return self.evaluate(images, labels, self.project(images + step, images, epsilon))
