"""The methods, one file each; `METHODS` and `get` find them by name.

In the examples of their docstrings `images` and `labels` are arrays, `batches` is a tf.data.Dataset
of {"labeled": {"image", "label", "index"}, "unlabeled": {"image", "index"}}, `classifier` is a
Keras model that maps images to logits and `generator` one that maps noise to images.
"""

import keras

from xadv_tf.methods.at import AT
from xadv_tf.methods.base import Method
from xadv_tf.methods.catgan import CatGAN
from xadv_tf.methods.combined import Combined
from xadv_tf.methods.entropy_minimization import EntropyMinimization
from xadv_tf.methods.feature_matching_gan import FeatureMatchingGAN
from xadv_tf.methods.ladder import Ladder
from xadv_tf.methods.mean_teacher import MeanTeacher
from xadv_tf.methods.mle import MLE
from xadv_tf.methods.pi_model import PiModel
from xadv_tf.methods.pseudo_label import PseudoLabel
from xadv_tf.methods.random_mask import RandomMask
from xadv_tf.methods.temporal_ensembling import TemporalEnsembling
from xadv_tf.methods.vadd import VADD
from xadv_tf.methods.vat import VAT
from xadv_tf.methods.xat import XAT
from xadv_tf.methods.xvat import XVAT

METHODS: dict[str, type[Method]] = {
    "mle": MLE,
    "at": AT,
    "vat": VAT,
    "vadd": VADD,
    "xat": XAT,
    "xvat": XVAT,
    "random_mask": RandomMask,
    "pi_model": PiModel,
    "temporal_ensembling": TemporalEnsembling,
    "mean_teacher": MeanTeacher,
    "ladder": Ladder,
    "entropy": EntropyMinimization,
    "pseudo_label": PseudoLabel,
    "catgan": CatGAN,
    "feature_matching_gan": FeatureMatchingGAN,
}

for _method in (*METHODS.values(), Combined):
    keras.saving.register_keras_serializable(package="xadv_tf")(_method)


def get(name: str) -> type[Method]:
    """The method's class.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}. Received: method={name!r}")
    return METHODS[name]


__all__ = [
    "AT",
    "METHODS",
    "MLE",
    "VADD",
    "VAT",
    "XAT",
    "XVAT",
    "CatGAN",
    "Combined",
    "EntropyMinimization",
    "FeatureMatchingGAN",
    "Ladder",
    "MeanTeacher",
    "Method",
    "PiModel",
    "PseudoLabel",
    "RandomMask",
    "TemporalEnsembling",
    "get",
]
