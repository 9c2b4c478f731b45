"""Attacks on any classifier images -> logits, in the units of its images, each compiled once.

| attack | strength | finds |
|---|---|---|
| FGSM, PGD, APGD, Square | epsilon, L-infinity or L2 | images |
| GreedyRemoval, TrainedRemoval, GeneratedRemoval, RandomRemoval | k pixels | masks |

    attack = PGD(lambda images: model(scale(images)), norm="linf", high=255.0)
    x_adv = attack(images, labels, 8.0)
    right = survival(attack, images, labels, [0.0, 4.0, 8.0])   # [strengths, images]

With preprocessing inside the classifier, images and epsilon are in the units of the data.
"""

from xadv_tf.attacks.apgd import APGD
from xadv_tf.attacks.attack import Attack
from xadv_tf.attacks.ball import BallAttack
from xadv_tf.attacks.fgsm import FGSM
from xadv_tf.attacks.losses import difference_of_logits_ratio, margin
from xadv_tf.attacks.pgd import PGD
from xadv_tf.attacks.removal import (
    GeneratedRemoval,
    GreedyRemoval,
    RandomRemoval,
    RemovalAttack,
    masked,
)
from xadv_tf.attacks.robust_accuracy import survival, vanishing_gradients
from xadv_tf.attacks.square import Square
from xadv_tf.attacks.trained_masks import TrainedRemoval

__all__ = [
    "APGD",
    "FGSM",
    "PGD",
    "Attack",
    "BallAttack",
    "GeneratedRemoval",
    "GreedyRemoval",
    "RandomRemoval",
    "RemovalAttack",
    "Square",
    "TrainedRemoval",
    "difference_of_logits_ratio",
    "margin",
    "masked",
    "survival",
    "vanishing_gradients",
]
