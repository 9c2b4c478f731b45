"""Two replicas take the step of one, whatever the optimizer, however the batch is divided."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance_support import others_slow
from tests_support import make_batch, make_classifier, two_replicas

from xadv_tf import methods
from xadv_tf.layers import BatchNormalization, PerturbationGenerator

STEPS = 4


def _divided(strategy, batch, sizes):
    """The batch on two replicas: `sizes` are the first one's labeled and unlabeled examples."""

    def part(tensor, size):
        return strategy.experimental_distribute_values_from_function(
            lambda context: (tensor[:size], tensor[size:])[context.replica_id_in_sync_group]
        )

    return {
        name: {key: part(value, size) for key, value in batch[name].items()}
        for name, size in zip(("labeled", "unlabeled"), sizes, strict=True)
    }


def _train(strategy, make, batches, sizes=((3, 4),)):
    """Logs of each step and the weights after the last one; `sizes` of the steps in turn."""
    with strategy.scope():
        keras.utils.set_random_seed(3)
        method = make()
    if strategy.num_replicas_in_sync == 1:
        step = tf.function(method.train_step, autograph=False)
        logs = [step(batch) for batch in batches]
    else:

        @tf.function(autograph=False)
        def step(batch):
            per_replica = strategy.run(method.train_step, (batch,))
            return {k: strategy.experimental_local_results(v)[0] for k, v in per_replica.items()}

        logs = [
            step(_divided(strategy, batch, size))
            for batch, size in zip(batches, itertools.cycle(sizes), strict=False)
        ]
    logs = [{name: float(value) for name, value in log.items()} for log in logs]
    return logs, [
        [np.array(value) for value in strategy.experimental_local_results(variable.value)]
        for player in method.all_players()
        for variable in player.variables
    ]


def _compare(make, batches, sizes=((3, 4),)):
    logs, weights = _train(tf.distribute.get_strategy(), make, batches)
    two_logs, two_weights = _train(two_replicas(), make, batches, sizes)
    for one, two in zip(logs, two_logs, strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert two[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    for (one,), two in zip(weights, two_weights, strict=True):
        np.testing.assert_allclose(two[0], one, atol=1e-5)
        np.testing.assert_array_equal(*two)


def _mle(**optimizer):
    method = methods.MLE(make_classifier())
    method.compile(optimizer=keras.optimizers.SGD(1.0, **optimizer))
    return method


# Steps of 0.05 where the gradient is longer: the clipping decides, and not the sum.
@pytest.mark.parametrize(
    "optimizer",
    [
        {"clipnorm": 0.05},
        {"global_clipnorm": 0.05},
        {"clipvalue": 0.005},
        {"use_ema": True},
        {"weight_decay": 0.1},
    ],
    ids="+".join,
)
def test_an_optimizer_sees_the_sum_over_replicas(optimizer):
    _compare(lambda: _mle(**optimizer), [make_batch(seed=i) for i in range(STEPS)])


def test_accumulation_on_several_replicas_is_refused():
    with pytest.raises(ValueError, match="gradient_accumulation_steps=2, 2 replicas"):
        _train(two_replicas(), lambda: _mle(gradient_accumulation_steps=2), [])


def test_a_clipped_step_has_the_length_of_the_clip():
    # SGD of rate 1 with a global norm of 0.05 moves all weights together by 0.05.
    def make():
        return _mle(global_clipnorm=0.05)

    batches = [make_batch()]
    (_, after), (_, before) = (_train(two_replicas(), make, given) for given in (batches, []))
    square = sum(np.sum(np.square(a[0] - b[0])) for a, b in zip(after, before, strict=True))
    assert np.sqrt(square) == pytest.approx(0.05, rel=1e-4)


# The second replica has all labeled images. What the first one makes of none, normalisation by NaN,
# must not reach the weights, nor the running statistics of either.
@pytest.mark.parametrize("normalization", [keras.layers.BatchNormalization, BatchNormalization])
def test_a_replica_without_images_changes_nothing(normalization):
    made = []

    def make():
        method = methods.MLE(make_classifier(batch_norm=normalization()))
        method.compile(keras.optimizers.SGD(0.1))
        made.append(method)
        return method

    _compare(make, [make_batch(seed=i) for i in range(STEPS)], sizes=[(0, 3)])
    _, two = made
    for variable in two.classifier.variables:
        for value in getattr(variable.value, "values", [variable.value]):
            assert np.all(np.isfinite(value)), variable.path


_UNEVEN = {
    "mle": lambda c: methods.MLE(c),
    "at": lambda c: methods.AT(c),
    "xvat": lambda c: methods.XVAT(c, mask=PerturbationGenerator(seed=0)),
    "mean_teacher": lambda c: methods.MeanTeacher(c, teacher_decay=0.9),
    "pseudo_label": lambda c: methods.PseudoLabel(c, confidence_threshold=0.4),
}


# A replica may be left without an example at the end of a data set. Each size is traced anew; the
# slow ones count as the others do.
@others_slow({"xvat", "pseudo_label"}, among=_UNEVEN)
def test_batches_of_unequal_size_count_by_their_examples(name, monkeypatch):
    # All noise at its middle: log_alpha alone decides, and replicas draw alike.
    monkeypatch.setattr("xadv_tf.noise.uniform", lambda shape, seed: 0.5 * tf.ones(shape))

    def make():
        classifier = make_classifier(batch_norm=BatchNormalization(synchronized=True))
        method = _UNEVEN[name](classifier)
        masks = {"mask_optimizer": keras.optimizers.SGD(0.5)} if name == "xvat" else {}
        method.compile(optimizer=keras.optimizers.SGD(0.5), **masks)
        return method

    sizes = [(1, 6), (4, 1), (6, 8), (0, 3)]
    _compare(make, [make_batch(seed=i) for i, _ in enumerate(sizes)], sizes)


def test_an_accuracy_counts_the_labels_that_are_known():
    # Of the six labels three are known, one of them on the first replica.
    batch = make_batch()
    label = tf.where(tf.constant([True, False, False, True, True, False]), 0, -1)
    batch = {**batch, "labeled": {**batch["labeled"], "label": label}}
    _compare(_mle, [batch])
