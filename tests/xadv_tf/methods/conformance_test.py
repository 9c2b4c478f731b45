"""What every method must do in its steps: see conformance_rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance_rows import ROWS
from conformance_support import (
    KINDS_OF_STEP,
    each_kind_of_step,
    make,
    others_slow,
    plain_steps,
    steps,
    three_batches,
    weights,
)
from tests_support import make_batch, make_classifier, two_replicas

from xadv_tf import methods, noise
from xadv_tf.layers import BatchNormalization


def _adversaries(name):
    """Players that must stand still for the classifier's objective to fall."""
    return {"mask", "generator"} & set().union(*ROWS[name].reaches.values())


def _wave(shape, seed):
    """In place of normal draws: repeats after as many examples as a replica has of 6 or 8.

    The first word of a seed stands for the purpose, the second for step and replica.
    """
    size = tf.reduce_prod(shape[1:])
    example = tf.range(shape[0]) % tf.where(shape[0] % 3 == 0, 3, 4)
    purpose = tf.cast(tf.cast(seed, tf.int64)[0] % 7, tf.int32)
    angles = example[:, None] * size + tf.range(size) + purpose
    return tf.reshape(tf.sin(tf.cast(angles, tf.float32)), shape)


def test_the_table_covers_all_methods():
    covered = {type(ROWS[name].make(ROWS[name].make_network())) for name in ROWS}
    assert covered == {*methods.METHODS.values(), methods.Combined}


@pytest.mark.parametrize("name", ROWS)
def test_each_term_reaches_whom_it_should_and_nobody_else(name):
    method = make(name)
    with tf.GradientTape(persistent=True) as tape:
        terms = method.compute_losses(make_batch())
        sums = {term: tf.reduce_sum(value) for term, value in terms.items()}
    assert set(terms) == set(ROWS[name].reaches) == set(method.loss_weights)
    for term, reached in ROWS[name].reaches.items():
        for player in method.all_players():
            for variable in player.variables:
                gradient = tape.gradient(sums[term], variable.value)
                skipped = any(part in variable.path for part in ROWS[name].skips.get(term, ()))
                if player.name not in reached or skipped:
                    assert gradient is None, f"{term} must not reach {variable.path}"
                else:
                    dense = tf.convert_to_tensor(gradient)
                    assert np.any(dense.numpy() != 0), f"{term} must reach {variable.path}"


# Of supervised pairs the terms are the same, of more images. MLE's fall is told by its gradient.
@others_slow(KINDS_OF_STEP | {"mle"})
@pytest.mark.parametrize("supervised", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_step_of_the_classifier_lowers_its_objective(name, supervised):
    # A short step along the gradient, the mask standing still, lowers J by rate * ||g||^2 to first
    # order; where targets and perturbations are detached they move along, for better or worse, and
    # the signs of AT's flip, which at a rate of 1e-3 cost more than half of it.
    still = {f"{player}_optimizer": keras.optimizers.SGD(0.0) for player in _adversaries(name)}
    method = make(name, {"optimizer": keras.optimizers.SGD(1e-4), **still})
    batch = make_batch(supervised=supervised)
    step = tf.function(method.train_step, autograph=False)
    before = step(batch)
    method.step.assign(0)  # The same noise again.
    after = step(batch)
    expected = 1e-4 * float(before["gradient_norm/classifier"]) ** 2
    fallen = float(before["objective"] - after["objective"])
    assert expected > 1e-6
    assert fallen > 0.5 * expected
    if name == "mle":
        assert fallen == pytest.approx(expected, rel=0.05)


@each_kind_of_step
def test_step_logs_and_counts(name):
    plain = plain_steps(name)
    assert int(plain.method.step) == 3
    norms = {f"gradient_norm/{player.name}" for player in plain.method.all_players()}
    for logs in plain.logs:
        assert set(plain.method.loss_weights) | {"objective", "accuracy"} | norms <= set(logs)
        assert all(np.isfinite(value) for value in logs.values())


@others_slow(KINDS_OF_STEP, [name for name in ROWS if ROWS[name].make_network is make_classifier])
def test_only_the_labeled_pass_moves_running_statistics(name):
    # One step with a Keras BN of momentum .9 from zero must leave .1 of the labeled batch's mean
    # of the first layer's output, to the bit, whatever the other passes saw.
    batch_norm = keras.layers.BatchNormalization(momentum=0.9)
    method = make(name, batch_norm=batch_norm)
    dense = method.classifier.layers[1]
    batch = make_batch()
    images = tf.reshape(batch["labeled"]["image"], [6, -1])
    mean = tf.reduce_mean(dense(images), axis=0)
    steps(method, [batch])
    np.testing.assert_allclose(batch_norm.moving_mean, 0.1 * mean, rtol=1e-4, atol=1e-6)


# Of each way to make a step's gradients one; those that are left out take longest.
@others_slow({"vat", "xvat_inductive", "xvat_transductive", "feature_matching_gan"})
def test_xla_equals_plain_graph(name):
    plain = plain_steps(name)
    # The same noise and the same mathematics; sums in another order: 1e-5 after three Adam steps.
    compiled = make(name)
    compiled_logs = steps(compiled, three_batches(), jit_compile=True)
    for one, other in zip(plain.logs, compiled_logs, strict=True):
        for key, value in one.items():
            assert other[key] == pytest.approx(value, rel=2e-3, abs=2e-4), key
    for one, other in zip(plain.weights, weights(compiled), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


@others_slow({"vat", "xvat_inductive", "catgan", "mean_teacher"})
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_bfloat16_follows_float32(name, jit_compile):
    plain = plain_steps(name)
    # bfloat16 carries 8 bits: logits agree to about 1 %, losses to a few.
    exact = plain.logs[0]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        (rounded,) = steps(make(name), three_batches()[:1], jit_compile=jit_compile)
    finally:
        keras.config.set_dtype_policy("float32")
    for term in ROWS[name].reaches:
        assert np.isfinite(rounded[term])
        assert rounded[term] == pytest.approx(exact[term], rel=0.1, abs=0.02), term


@others_slow(KINDS_OF_STEP - {"ladder", "xvat_alternating"})
def test_two_replicas_equal_one(name, monkeypatch):
    # Replicas draw different noise; give all of them the same, so that only the sums are compared.
    monkeypatch.setattr(noise, "uniform", lambda shape, seed: 0.5 + 0.4 * _wave(shape, seed))
    monkeypatch.setattr(noise, "normal", _wave)
    strategy = two_replicas()
    one = make(name, batch_norm=BatchNormalization(synchronized=True))
    with strategy.scope():
        two = make(name, batch_norm=BatchNormalization(synchronized=True))
    batches = three_batches()
    logs = steps(one, batches)

    @tf.function(autograph=False)
    def distributed_step(halves):
        per_replica = strategy.run(two.train_step, args=(halves,))
        return tf.nest.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], per_replica
        )

    for batch, expected in zip(batches, logs, strict=True):
        halves = tf.nest.map_structure(
            lambda tensor: strategy.experimental_distribute_values_from_function(
                lambda context: tf.split(tensor, 2)[context.replica_id_in_sync_group]
            ),
            batch,
        )
        received = distributed_step(halves)
        for key, value in expected.items():
            assert float(received[key]) == pytest.approx(value, rel=1e-4, abs=1e-5), key
    for one_weight, two_weight in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(one_weight, two_weight, atol=1e-5)
    for player in two.all_players():
        for variable in player.variables:
            mirrors = [mirror.numpy() for mirror in variable.value.values]
            np.testing.assert_array_equal(*mirrors)


@others_slow(KINDS_OF_STEP - {"ladder"})
def test_resumed_equals_uninterrupted(name, tmp_path):
    batches = [make_batch(seed=i) for i in range(4)]

    def fresh():
        return make(name, dropout=0.3, batch_norm=BatchNormalization())

    def checkpoint(method):
        optimizers = {f"{p.name}_optimizer": p.optimizer for p in method.all_players()}
        return tf.train.Checkpoint(method=method, **optimizers)

    whole, second = fresh(), fresh()
    whole_step = tf.function(whole.train_step, autograph=False)
    for batch in batches[:2]:
        whole_step(batch)
    path = checkpoint(whole).write(str(tmp_path / "ckpt"))
    for batch in batches[2:]:
        whole_step(batch)
    checkpoint(second).read(path).assert_consumed()
    steps(second, batches[2:])
    for variable, resumed in zip(whole.variables, second.variables, strict=True):
        if "seed_generator" not in variable.path:  # Not looked at: noise is a function of the step.
            np.testing.assert_array_equal(variable, resumed, err_msg=variable.path)
