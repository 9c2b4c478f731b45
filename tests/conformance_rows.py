"""The methods of the conformance tests, as one table: a new method is one more row."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier

from xadv_tf import methods, models
from xadv_tf.layers import PerturbationGenerator, PerturbationTable

POOL = 12


@dataclasses.dataclass(frozen=True)
class Row:
    """A method, how to make it, and which players the gradient of each of its terms reaches.

    `classifier` has arguments of `make_network`; `prepare` brings a method, once compiled, to a
    state in which every term has a gradient; `skips` names, by parts of their paths, the variables
    of a player that a term does not reach although it reaches others.
    """

    make: Callable[[Any], methods.Method]
    reaches: dict[str, set[str]]
    classifier: dict[str, Any] = dataclasses.field(default_factory=dict)
    prepare: Callable[[Any], None] = lambda method: None
    needs_index: bool = False
    make_network: Callable[..., Any] = make_classifier
    skips: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def _table():
    return PerturbationTable(POOL, (6, 6, 1), seed=0)


def _generator():
    return PerturbationGenerator(seed=0)


def _remember(method):
    """Targets as after one epoch of random predictions."""
    rows = np.zeros(method.ensemble.state.shape)
    predictions = np.random.default_rng(5).dirichlet(np.ones(NUM_CLASSES), POOL)
    rows[:, :NUM_CLASSES] = (1 - method.ensemble.momentum) * predictions
    rows[:, -2] = 1
    method.ensemble.state.assign(rows)


def ladder_network(*, batch_norm=None, dropout=0.0):
    del batch_norm, dropout  # It has statistics of its own.
    return models.ladder_mlp(IMAGE_SHAPE, NUM_CLASSES, hidden_units=(8,), synchronized=True)


def _wake(method):
    """Away from the start, where the denoisers are silent and V has no gradient."""
    rng = np.random.default_rng(0)
    for denoiser in method.decoder.denoisers:
        denoiser.a.assign_add(0.3 * rng.normal(size=denoiser.a.shape))


def _image_generator():
    # No bias at the end: a classifier's batch normalisation would take it away again, and its
    # gradient would be rounding noise, which Adam would blow up to full steps.
    def dense(units, seed, **kwargs):
        initializer = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
        return keras.layers.Dense(units, kernel_initializer=initializer, **kwargs)

    layers = [keras.layers.Input((5,)), dense(8, 1, activation="tanh")]
    layers += [dense(int(np.prod(IMAGE_SHAPE)), 2, use_bias=False)]
    return keras.Sequential([*layers, keras.layers.Reshape(IMAGE_SHAPE)])


_MASK_TERMS = {"divergence": {"classifier", "mask"}, "l0": {"mask"}, "roughness": {"mask"}}
_CE = {"cross_entropy": {"classifier"}}
_ENTROPY = {"entropy": {"classifier"}}
_CONSISTENCY = {**_CE, "consistency": {"classifier"}}
_NOISY = {"jitter": 0.5}
ROWS = {
    "mle": Row(methods.MLE, _CE),
    "at_linf": Row(methods.AT, {**_CE, "adversarial_cross_entropy": {"classifier"}}),
    "at_l2": Row(
        lambda c: methods.AT(c, norm="l2", epsilon=1.0),
        {**_CE, "adversarial_cross_entropy": {"classifier"}},
    ),
    "vat": Row(methods.VAT, {**_CE, "divergence": {"classifier"}}),
    # One of 16 units: with more, rounding would decide between near ones.
    "vadd": Row(lambda c: methods.VADD(c, delta=0.07), {**_CE, "divergence": {"classifier"}}),
    "vadd_input": Row(
        lambda c: methods.VADD(c, dropout_layer="input", delta=0.03),
        {**_CE, "divergence": {"classifier"}},
    ),
    "random_mask": Row(methods.RandomMask, {**_CE, "divergence": {"classifier"}}),
    "fixed_mask": Row(
        lambda c: methods.RandomMask(c, fixed_masks=True),
        {**_CE, "divergence": {"classifier"}},
        needs_index=True,
    ),
    "xat_inductive": Row(
        lambda c: methods.XAT(c, mask=_generator(), smoothness=0.1), {**_CE, **_MASK_TERMS}
    ),
    "xat_transductive": Row(
        lambda c: methods.XAT(c, mask=_table(), smoothness=0.1),
        {**_CE, **_MASK_TERMS},
        needs_index=True,
    ),
    "xvat_inductive": Row(
        lambda c: methods.XVAT(c, mask=_generator(), smoothness=0.1), {**_CE, **_MASK_TERMS}
    ),
    "xvat_transductive": Row(
        lambda c: methods.XVAT(c, mask=_table(), smoothness=0.1),
        {**_CE, **_MASK_TERMS},
        needs_index=True,
    ),
    "xvat_alternating": Row(
        lambda c: methods.XVAT(c, mask=_generator(), alternating_steps=2, smoothness=0.1),
        {**_CE, **_MASK_TERMS},
    ),
    "pi_model": Row(methods.PiModel, _CONSISTENCY, _NOISY),
    "temporal_ensembling": Row(
        lambda c: methods.TemporalEnsembling(c, num_examples=POOL, steps_per_epoch=2),
        _CONSISTENCY,
        prepare=_remember,
        needs_index=True,
    ),
    "mean_teacher": Row(lambda c: methods.MeanTeacher(c, teacher_decay=0.9), _CONSISTENCY, _NOISY),
    "catgan": Row(
        lambda c: methods.CatGAN(c, generator=_image_generator()),
        {
            **_CE,
            "real_marginal_entropy": {"classifier"},
            "real_entropy": {"classifier"},
            "fake_entropy": {"classifier"},
            "generator_marginal_entropy": {"generator"},
            "generator_entropy": {"generator"},
        },
    ),
    "feature_matching_gan": Row(
        lambda c: methods.FeatureMatchingGAN(c, generator=_image_generator()),
        {
            **_CE,
            "real": {"classifier"},
            "fake": {"classifier"},
            "feature_matching": {"generator"},
        },
    ),
    "ladder": Row(
        lambda c: methods.Ladder(c, denoising_weights=(1.0, 0.5, 0.1)),
        {**_CE, **{f"denoising_{level}": {"classifier", "decoder"} for level in range(3)}},
        prepare=_wake,
        make_network=ladder_network,
        # What denoises the levels below has no part in a level's cost.
        skips={"denoising_1": ("v_0", "g_0"), "denoising_2": ("v_0", "v_1", "g_0", "g_1")},
    ),
    "entropy": Row(methods.EntropyMinimization, {**_CE, **_ENTROPY}),
    # Without a threshold, near which rounding would decide.
    "pseudo_label": Row(
        lambda c: methods.PseudoLabel(c, confidence_threshold=0.0),
        {**_CE, "pseudo_label": {"classifier"}},
    ),
    "xvat+entropy": Row(
        lambda c: methods.Combined(
            [methods.XVAT(c, mask=_generator(), smoothness=0.1), methods.EntropyMinimization()]
        ),
        {**_CE, **_MASK_TERMS, **_ENTROPY},
    ),
    "vat+entropy": Row(
        lambda c: methods.Combined([methods.VAT(c), methods.EntropyMinimization()]),
        {**_CE, "divergence": {"classifier"}, **_ENTROPY},
    ),
}
# These differ from a row before them by one argument or one part.
VARIANTS = ("at_l2", "vadd_input", "fixed_mask", "xat_transductive", "vat+entropy")
# Their losses are their own; how they are summed, compiled and resumed they share with other rows.
ALIKE = (
    *("mle", "at_linf", "vadd", "random_mask", "xat_inductive", "pi_model", "entropy"),
    *("pseudo_label", "xvat+entropy"),
)
# Those whose own code has a part in what is served, or in how Keras's fit and pairs reach a step.
SERVED = ("mle", "xvat_inductive", "mean_teacher", "feature_matching_gan", "ladder")
FITTED = (*SERVED, "xvat_transductive", "xvat_alternating", "temporal_ensembling")
