"""Combined: passes, terms, names, weights, averages; each part as it is alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_classifier

from xadv_tf.layers import BatchNormalization, PerturbationGenerator
from xadv_tf.methods import (
    AT,
    MLE,
    VAT,
    XAT,
    XVAT,
    Combined,
    EntropyMinimization,
    Ladder,
    MeanTeacher,
    PiModel,
    PseudoLabel,
    RandomMask,
    TemporalEnsembling,
)
from xadv_tf.methods.base import Method
from xadv_tf.methods.combined import find_part


class Counting(keras.layers.Layer):
    """Notes the size of each batch that passes it in training mode."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def call(self, x, training=False):
        if training:
            self.sizes.append(x.shape[0])
        return x


def _counted(make_parts, batch):
    """Sizes of the batches that a step passes through the classifier, sorted."""
    counting = Counting()
    base = make_classifier()
    classifier = keras.Sequential([keras.layers.Input(base.input_shape[1:]), counting, base])
    method = Combined(make_parts(classifier))
    method.compile()
    counting.sizes.clear()
    # Captured, for as an argument one batch that is both would become two.
    tf.function(lambda: method.train_step(batch), autograph=False).get_concrete_function()
    return sorted(counting.sizes), method


@pytest.mark.parametrize(
    ("make_parts", "sizes", "supervised_sizes", "backward_passes"),
    [
        # Labeled (6), clean and masked (8 each).
        (lambda c: [XVAT(c), EntropyMinimization()], [6, 8, 8], [6, 6], 1),
        # Labeled, clean, and VAT's power iteration and perturbed pass.
        (lambda c: [EntropyMinimization(), VAT(c)], [6, 8, 8, 8], [6, 6, 6], 2),
        # Three with one clean pass, and an adversarial one of the labeled images.
        (
            lambda c: [EntropyMinimization(), PseudoLabel(), RandomMask(c), AT(c)],
            [6, 6, 8, 8],
            [6, 6, 6],
            2,
        ),
    ],
    ids=["xvat+entropy", "entropy+vat", "entropy+pseudo_label+random_mask+at"],
)
def test_clean_passes_are_shared(make_parts, sizes, supervised_sizes, backward_passes):
    received, method = _counted(make_parts, make_batch())
    assert received == sizes
    assert method.backward_passes == backward_passes
    assert _counted(make_parts, make_batch(supervised=True))[0] == supervised_sizes


def _classifier():
    keras.utils.set_random_seed(3)
    return make_classifier(dropout=0.3, batch_norm=BatchNormalization(momentum=0.0))


def _xvat(classifier, **kwargs):
    return XVAT(classifier, mask=PerturbationGenerator(seed=0), **kwargs)


@pytest.mark.parametrize("supervised", [False, True])
def test_each_part_has_the_terms_that_it_has_alone(supervised):
    batch = make_batch(supervised=supervised)
    makers = [
        lambda c, **kwargs: VAT(c, **kwargs),
        _xvat,
        lambda c, **kwargs: EntropyMinimization(c, entropy_weight=0.5, **kwargs),
    ]
    combined = Combined(
        [make(classifier) for classifier in [_classifier()] for make in makers], seed=7
    )
    combined.compile(optimizer=keras.optimizers.SGD(0.1))
    combined.step.assign(5)
    terms = combined.compute_losses(batch)
    names = {"divergence": ["vat_divergence", "xvat_divergence", "none"]}
    assert (
        set(terms)
        == set(combined.loss_weights)
        == {"cross_entropy", "vat_divergence", "xvat_divergence", "l0", "entropy"}
    )
    for i, make in enumerate(makers):
        alone = make(_classifier(), seed=7)
        alone.compile()
        alone.step.assign(5)
        for name, value in alone.compute_losses(batch).items():
            called = names[name][i] if name in names else name
            np.testing.assert_allclose(terms[called], value, rtol=1e-6, err_msg=called)
            assert combined.loss_weights[called] == alone.loss_weights[name]
    weights = combined.loss_weights
    total = sum(weights[name] * np.mean(value) for name, value in terms.items())
    logs = combined.train_step(batch)
    assert float(logs["objective"]) == pytest.approx(total, rel=1e-5)
    assert int(combined.step) == 6 and all(part.step is combined.step for part in combined.parts)


def test_statistics_follow_one_pass():
    # The first part says which: of a joined batch the Pi-model's second, here of images doubled.
    batch = make_batch(supervised=True)
    batch["unlabeled"] = {**batch["labeled"], "second_image": 2.0 * batch["labeled"]["image"]}
    batch["labeled"] = batch["unlabeled"]
    for make_parts, factor in (
        (lambda c: [PiModel(c), RandomMask(c)], 2.0),
        (lambda c: [RandomMask(c), PiModel(c)], 1.0),
    ):
        method = Combined(make_parts(_classifier()))
        assert method.two_views
        dense, normalizer = method.classifier.layers[1:3]
        mean = tf.reduce_mean(dense(tf.reshape(batch["labeled"]["image"], [6, -1])), axis=0)
        method.compute_losses(batch)
        np.testing.assert_allclose(normalizer.moving_mean, factor * mean, atol=1e-5)


def test_players_of_one_name_are_told_apart():
    classifier = make_classifier()
    parts = [_xvat(classifier), XAT(classifier, mask=PerturbationGenerator(seed=1))]
    method = Combined(parts)
    method.compile(mask_optimizer=keras.optimizers.SGD(0.1))
    players = {player.name: player for player in method.all_players()}
    assert list(players) == ["classifier", "xvat_mask", "xat_mask"]
    one, other = (players[f"{name}_mask"].optimizer for name in ("xvat", "xat"))
    assert one is not other and isinstance(other, keras.optimizers.SGD)
    logs = method.train_step(make_batch())
    assert {"gradient_norm/xvat_mask", "xat_kept_pixels", "accuracy"} <= set(logs)


def test_state_follows_training():
    batch = make_batch()
    classifier = _classifier()
    method = Combined(
        [
            EntropyMinimization(),
            MeanTeacher(classifier, teacher_decay=0.5),
            TemporalEnsembling(classifier, num_examples=12, steps_per_epoch=1),
        ],
        ema_decay=0.8,
    )
    method.compile(optimizer=keras.optimizers.SGD(0.1))
    teacher = find_part(method, MeanTeacher).teacher
    assert method.evaluated is teacher
    classifier.set_weights([weight + 1.0 for weight in classifier.get_weights()])
    method.initialize(iter([batch]))
    before = classifier.trainable_variables[0].numpy()
    np.testing.assert_array_equal(teacher.trainable_variables[0], before)
    method.train_step(batch)
    after = classifier.trainable_variables[0].numpy()
    assert np.any(before != after)
    np.testing.assert_allclose(
        teacher.trainable_variables[0], 0.5 * before + 0.5 * after, atol=1e-6
    )
    # After one step the bias-corrected average is the weights, and one epoch has its targets.
    np.testing.assert_allclose(method.averaged.trainable_variables[0], after, atol=1e-6)
    ensemble = find_part(method, TemporalEnsembling).ensemble
    assert np.all(ensemble.target(batch["unlabeled"]["index"], 1)[1])
    method.evaluate_ema = True
    assert method.evaluated is method.averaged


def test_nothing_is_kept_twice():
    classifier = make_classifier()
    method = Combined([_xvat(classifier), EntropyMinimization()])
    method.compile()
    trained = sum(len(player.variables) for player in method.all_players())
    assert len(method.trainable_variables) == trained
    assert [v.path for v in method.variables if "step" in v.path] == [method.step.path]


def test_perturb_is_that_of_the_part():
    image = make_batch()["labeled"]["image"]
    classifier = make_classifier()
    method = Combined([EntropyMinimization(), _xvat(classifier)])
    method.compile()
    part = find_part(method, XVAT)
    assert find_part(part, XVAT) is part and find_part(method, VAT) is None
    np.testing.assert_array_equal(method.perturb(image)["mask"], part.perturb(image)["mask"])
    with pytest.raises(ValueError, match="Received: entropy_minimization, mle"):
        Combined([EntropyMinimization(), MLE(classifier)]).perturb(image)


class Dueling(MLE):
    def objectives(self):
        return {"objective": self.loss_weights, "other": {}}


def _compiled(method):
    method.compile()
    return method


def _sequential_ladder(classifier):
    # A ladder needs a network of its own kind; what it says of combining is asked before.
    method = Method.__new__(Ladder)
    Method.__init__(method, classifier, loss_weights={})
    return method


@pytest.mark.parametrize(
    ("make_parts", "message"),
    [
        (lambda c: [], "different classes. Received: nothing"),
        (lambda c: [MLE(c), MLE(c)], "different classes. Received: mle, mle"),
        (lambda c: [MLE(c), VAT(make_classifier())], "one classifier .* Received: 2 classifiers"),
        (lambda c: [EntropyMinimization()], "one classifier .* Received: 0 classifiers"),
        (lambda c: [Dueling(c), EntropyMinimization()], "dueling does not combine"),
        (lambda c: [_sequential_ladder(c), EntropyMinimization()], "ladder does not combine"),
        (lambda c: [Combined([MLE(c)]), EntropyMinimization()], "combined does not combine"),
        (lambda c: [MLE(c, ema_decay=0.9)], "Received: mle, compiled=False, ema_decay=0.9"),
        (lambda c: [_compiled(MLE(c))], "Received: mle, compiled=True"),
        (lambda c: [_xvat(c, alternating_steps=2)], "Received: xvat with 3 phases"),
    ],
)
def test_what_does_not_combine(make_parts, message):
    with pytest.raises(ValueError, match=message):
        _compiled(Combined(make_parts(make_classifier())))


def test_parts_prepare_their_evaluation():
    class Preparing(MLE):
        def prepare_evaluation(self, batches):
            self.prepared_with = list(batches)

    method = Combined([Preparing(make_classifier()), EntropyMinimization()])
    method.prepare_evaluation([1, 2])
    assert method.parts[0].prepared_with == [1, 2]
