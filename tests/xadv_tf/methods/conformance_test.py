"""What every method must do, as one table: a new method is one more row."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier, two_replicas

from xadv_tf import methods, models, noise
from xadv_tf.layers import BatchNormalization, PerturbationGenerator, PerturbationTable
from xadv_tf.methods import players

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


def _ladder_network(*, batch_norm=None, dropout=0.0):
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
        make_network=_ladder_network,
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
_VARIANTS = ("at_l2", "vadd_input", "fixed_mask", "xat_transductive", "vat+entropy")
# Those whose own code has a part in what is served, or in how Keras's fit and pairs reach a step.
_SERVED = ("mle", "xvat_inductive", "mean_teacher", "feature_matching_gan", "ladder")
_FITTED = (*_SERVED, "xvat_transductive", "xvat_alternating", "temporal_ensembling", "xvat+entropy")


@dataclasses.dataclass(frozen=True)
class Plain:
    """What three steps in a plain graph leave: the measure of the other ways to take them."""

    method: methods.Method
    logs: list[dict[str, float]]
    weights: list[np.ndarray]


def _slow_if(name, condition):
    return pytest.param(name, marks=pytest.mark.slow) if condition else name


# Of the module, so that the tests of a row stand together and share its plain steps.
@pytest.fixture(scope="module", params=[_slow_if(name, name in _VARIANTS) for name in ROWS])
def name(request):
    return request.param


@pytest.fixture
def plain(name):
    return _plain(name)


# By the name, and not as a fixture of the module: names come from a fixture here and from
# parametrize there, and pytest would hand one test the steps of the method that came before it.
@functools.cache
def _plain(name):
    method = _make(name)
    logs = _steps(method, _three_batches())
    return Plain(method, logs, _weights(method))


def _others_slow(names):
    return pytest.mark.parametrize(
        "name", [_slow_if(name, name not in names) for name in ROWS], scope="module"
    )


def _three_batches():
    return [make_batch(seed=i) for i in range(3)]


def _make(name, optimizers=None, **classifier):
    keras.utils.set_random_seed(3)
    row = ROWS[name]
    method = row.make(row.make_network(**row.classifier, **classifier))
    method.compile(**(optimizers or {}))
    row.prepare(method)
    return method


def _steps(method, batches, **kwargs):
    step = tf.function(method.train_step, autograph=False, **kwargs)
    return [{name: float(value) for name, value in step(batch).items()} for batch in batches]


def _weights(method):
    return [v.numpy() for player in method.all_players() for v in player.variables]


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
    method = _make(name)
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


@pytest.mark.parametrize("supervised", [False, True])
def test_a_step_of_the_classifier_lowers_its_objective(name, supervised):
    # A short step along the gradient, the mask standing still, lowers J by rate * ||g||^2 to first
    # order; where targets and perturbations are detached they move along, for better or worse, and
    # the signs of AT's flip, which at a rate of 1e-3 cost more than half of it.
    still = {f"{player}_optimizer": keras.optimizers.SGD(0.0) for player in _adversaries(name)}
    method = _make(name, {"optimizer": keras.optimizers.SGD(1e-4), **still})
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


def test_step_logs_and_counts(plain):
    assert int(plain.method.step) == 3
    norms = {f"gradient_norm/{player.name}" for player in plain.method.all_players()}
    for logs in plain.logs:
        assert set(plain.method.loss_weights) | {"objective", "accuracy"} | norms <= set(logs)
        assert all(np.isfinite(value) for value in logs.values())


@pytest.mark.parametrize(
    "name", [name for name in ROWS if ROWS[name].make_network is make_classifier]
)
def test_only_the_labeled_pass_moves_running_statistics(name):
    # One step with a Keras BN of momentum .9 from zero must leave .1 of the labeled batch's mean
    # of the first layer's output, to the bit, whatever the other passes saw.
    batch_norm = keras.layers.BatchNormalization(momentum=0.9)
    method = _make(name, batch_norm=batch_norm)
    dense = method.classifier.layers[1]
    batch = make_batch()
    images = tf.reshape(batch["labeled"]["image"], [6, -1])
    mean = tf.reduce_mean(dense(images), axis=0)
    _steps(method, [batch])
    np.testing.assert_allclose(batch_norm.moving_mean, 0.1 * mean, rtol=1e-4, atol=1e-6)


def test_xla_equals_plain_graph(name, plain):
    # The same noise and the same mathematics; sums in another order: 1e-5 after three Adam steps.
    compiled = _make(name)
    compiled_logs = _steps(compiled, _three_batches(), jit_compile=True)
    for one, other in zip(plain.logs, compiled_logs, strict=True):
        for key, value in one.items():
            assert other[key] == pytest.approx(value, rel=2e-3, abs=2e-4), key
    for one, other in zip(plain.weights, _weights(compiled), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_bfloat16_follows_float32(name, jit_compile, plain):
    # bfloat16 carries 8 bits: logits agree to about 1 %, losses to a few.
    exact = plain.logs[0]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        (rounded,) = _steps(_make(name), _three_batches()[:1], jit_compile=jit_compile)
    finally:
        keras.config.set_dtype_policy("float32")
    for term in ROWS[name].reaches:
        assert np.isfinite(rounded[term])
        assert rounded[term] == pytest.approx(exact[term], rel=0.1, abs=0.02), term


def test_two_replicas_equal_one(name, monkeypatch):
    # Replicas draw different noise; give all of them the same, so that only the sums are compared.
    monkeypatch.setattr(noise, "uniform", lambda shape, seed: 0.5 + 0.4 * _wave(shape, seed))
    monkeypatch.setattr(noise, "normal", _wave)
    strategy = two_replicas()
    one = _make(name, batch_norm=BatchNormalization(synchronized=True))
    with strategy.scope():
        two = _make(name, batch_norm=BatchNormalization(synchronized=True))
    batches = _three_batches()
    logs = _steps(one, batches)

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
    for one_weight, two_weight in zip(_weights(one), _weights(two), strict=True):
        np.testing.assert_allclose(one_weight, two_weight, atol=1e-5)
    for player in two.all_players():
        for variable in player.variables:
            mirrors = [mirror.numpy() for mirror in variable.value.values]
            np.testing.assert_array_equal(*mirrors)


@_others_slow(_FITTED)
def test_fit_equals_the_step(name, plain):
    by_fit = _make(name)
    stacked = tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *_three_batches())
    by_fit.fit(tf.data.Dataset.from_tensor_slices(stacked), shuffle=False, verbose=0)
    for one, other in zip(plain.weights, _weights(by_fit), strict=True):
        np.testing.assert_array_equal(one, other)


def test_resumed_equals_uninterrupted(name, tmp_path):
    batches = [make_batch(seed=i) for i in range(4)]

    def make():
        return _make(name, dropout=0.3, batch_norm=BatchNormalization())

    def checkpoint(method):
        optimizers = {f"{p.name}_optimizer": p.optimizer for p in method.all_players()}
        return tf.train.Checkpoint(method=method, **optimizers)

    whole, second = make(), make()
    whole_step = tf.function(whole.train_step, autograph=False)
    for batch in batches[:2]:
        whole_step(batch)
    path = checkpoint(whole).write(str(tmp_path / "ckpt"))
    for batch in batches[2:]:
        whole_step(batch)
    checkpoint(second).read(path).assert_consumed()
    _steps(second, batches[2:])
    for variable, resumed in zip(whole.variables, second.variables, strict=True):
        if "seed_generator" not in variable.path:  # Not looked at: noise is a function of the step.
            np.testing.assert_array_equal(variable, resumed, err_msg=variable.path)


def test_a_loaded_model_goes_on_where_it_was_saved(name, tmp_path):
    method = _make(name, **({} if ROWS[name].make_network is _ladder_network else {"dropout": 0.3}))
    batches = [make_batch(seed=i) for i in range(3)]
    for batch in batches[:2]:
        method.train_step(batch)
    path = str(tmp_path / "method.keras")
    method.save(path)
    loaded = keras.models.load_model(path)
    for each in (method, loaded):
        each.train_step(batches[2])

    def state(model):
        optimizers = [v for player in model.all_players() for v in player.optimizer.variables]
        return [v for v in (*model.variables, *optimizers) if "seed_generator" not in v.path]

    assert len(state(loaded)) == len(state(method)) and int(loaded.step.numpy()) == 3
    for one, other in zip(state(method), state(loaded), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@_others_slow(_SERVED)
def test_exported_logits_are_the_methods(name, tmp_path):
    method = _make(name, batch_norm=BatchNormalization(), dropout=0.5)
    batch = make_batch()
    _steps(method, [batch])
    image = batch["labeled"]["image"]
    archive = keras.export.ExportArchive()
    archive.track(method.evaluated)
    archive.add_endpoint(
        "serve",
        lambda image: {"logits": method(image)},
        [tf.TensorSpec((None, *image.shape[1:]), name="image")],
    )
    archive.write_out(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    served = loaded.serve(image)
    assert served["logits"].shape == (6, NUM_CLASSES)
    np.testing.assert_allclose(served["logits"], method(image), atol=1e-6)


@_others_slow(_FITTED)
def test_supervised_pairs_are_batches(name):
    method = _make(name)
    batch = make_batch(supervised=True)
    pair = (batch["labeled"]["image"], batch["labeled"]["label"])
    if ROWS[name].needs_index:
        with pytest.raises(ValueError, match="Received: index=None"):
            method.train_step(pair)
        return
    as_pair = {key: float(value) for key, value in method.train_step(pair).items()}
    assert players.is_supervised(players.as_batch(pair))
    again = _make(name)
    as_batch = {key: float(value) for key, value in again.train_step(batch).items()}
    assert as_pair == as_batch
