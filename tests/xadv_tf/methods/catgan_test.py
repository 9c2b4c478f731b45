"""CatGAN: published self-checks, the direction of each term, turns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.methods import CatGAN

K = 10
SHAPE = (1, K, 1)


def _classifier(scale):
    """Logits: the K pixels times `scale`."""
    dense = keras.layers.Dense(K, kernel_initializer=keras.initializers.Identity(scale))
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), dense])


def _generator(deviation=0.0, bias=None):
    dense = keras.layers.Dense(
        K, kernel_initializer=keras.initializers.RandomNormal(stddev=deviation, seed=1)
    )
    generator = keras.Sequential([keras.Input((4,)), dense, keras.layers.Reshape(SHAPE)])
    if bias is not None:
        dense.bias.assign(bias)
    return generator


def _method(scale=1.0, generator=None, **kwargs):
    method = CatGAN(_classifier(scale), generator=generator or _generator(), **kwargs)
    method.compile(keras.optimizers.SGD(1e-2), keras.optimizers.SGD(1e-2))
    return method


def _batch(image):
    image = tf.reshape(tf.cast(image, tf.float32), [-1, *SHAPE])
    label = tf.range(len(image)) % K
    return {"labeled": {"image": image + 0.0, "label": label}, "unlabeled": {"image": image}}


def _random_batch(size=40):
    return _batch(tf.random.stateless_normal([size, K], [1, 2], stddev=2.0))


def _objective(method, terms, name, without=()):
    weights = method.objectives()[name]
    return sum(w * np.mean(terms[t]) for t, w in weights.items() if t not in without)


def test_uniform_predictions():
    # Every entropy is log 10: -1 + 1 - 1 of them, and -1 + 1.
    method = _method(0.0)
    terms = method.compute_losses(_random_batch())
    unsupervised = _objective(method, terms, "objective", without={"cross_entropy"})
    assert unsupervised == pytest.approx(-2.302585, abs=1e-5)
    assert _objective(method, terms, "generator_objective") == pytest.approx(0.0, abs=1e-5)
    assert np.mean(terms["cross_entropy"]) == pytest.approx(2.302585, abs=1e-5)


def test_the_least_values():
    # Sure and balanced real images, black and therefore unsure generated ones: -2 log 10.
    method = _method(100.0)
    batch = _batch(tf.tile(tf.eye(K), [3, 1]))
    terms = method.classifier_losses(batch)
    unsupervised = _objective(method, terms, "objective", without={"cross_entropy"})
    assert unsupervised == pytest.approx(-4.605170, abs=1e-5)
    assert np.mean(terms["cross_entropy"]) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_bounds(scale):
    method = _method(scale, _generator(2.0))
    terms = method.compute_losses(_random_batch())
    for marginal, entropy in (
        ("real_marginal_entropy", "real_entropy"),
        ("generator_marginal_entropy", "generator_entropy"),
    ):
        # Jensen: entropy is concave; strictly, for no two images are alike.
        assert 0.0 < np.mean(terms[entropy]) < float(terms[marginal]) < np.log(K)
    unsupervised = _objective(method, terms, "objective", without={"cross_entropy"})
    assert -2 * np.log(K) < unsupervised < 0.0
    assert -np.log(K) < _objective(method, terms, "generator_objective") < 0.0


def test_the_generator_prefers_all_classes_to_one():
    class Fixed(CatGAN):
        def fakes(self, count, purpose):
            return self.chosen

    values = {}
    for name, rows in {"balanced": np.arange(K), "collapsed": np.zeros(K, int)}.items():
        method = Fixed(_classifier(100.0), generator=_generator())
        method.compile()
        method.chosen = tf.reshape(tf.one_hot(rows, K), [K, *SHAPE])
        terms = method.generator_losses(_random_batch(K))
        values[name] = _objective(method, terms, "generator_objective")
    assert values["balanced"] == pytest.approx(-np.log(K), abs=1e-4)
    assert values["collapsed"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("term", "rises"),
    [
        ("cross_entropy", False),
        ("real_marginal_entropy", True),
        ("real_entropy", False),
        ("fake_entropy", True),
        ("generator_marginal_entropy", True),
        ("generator_entropy", False),
    ],
)
def test_each_term_moves_the_right_way(term, rises):
    # Alone, and with the same noise again, a small step changes it by rate * |gradient|^2.
    method = _method(1.0, _generator(1.0, np.arange(K) / 5))
    method.loss_weights = {
        name: weight if name == term else 0.0 for name, weight in method.loss_weights.items()
    }
    batch = _random_batch()
    batch["unlabeled"]["image"] += tf.reshape(tf.range(K, dtype=tf.float32) / 5, SHAPE)
    generators = term.startswith("generator")
    losses = method.generator_losses if generators else method.classifier_losses
    phase = method.phases()[generators]
    before = np.mean(losses(batch)[term])
    with tf.GradientTape() as tape:
        total = method.loss_weights[term] * tf.reduce_mean(losses(batch)[term])
    variables = phase.players[0].variables
    gradients = tape.gradient(total, [variable.value for variable in variables])
    phase.players[0].optimizer.apply(gradients, variables)
    change = np.mean(losses(batch)[term]) - before
    expected = 1e-2 * float(tf.linalg.global_norm(gradients)) ** 2
    assert expected > 1e-5
    assert change == pytest.approx(expected if rises else -expected, rel=0.2)


def test_gradients_are_finite_where_a_class_has_no_probability():
    method = _method(1e4, _generator(2.0))
    with tf.GradientTape() as tape:
        terms = method.compute_losses(_random_batch())
        total = tf.add_n([tf.reduce_sum(value) for value in terms.values()])
    variables = [v.value for p in method.all_players() for v in p.variables]
    assert np.isfinite(total)
    assert all(np.all(np.isfinite(g)) for g in tape.gradient(total, variables) if g is not None)


def test_turns_and_weights():
    method = _method(clean_weight=3.0)
    assert method.backward_passes == 2
    assert method.loss_weights["cross_entropy"] == 3.0
    classifier, generator = method.phases()
    assert [player.name for player in classifier.players] == ["classifier"]
    assert [player.name for player in generator.players] == ["generator"]
    logs = method.train_step(_random_batch())
    weighted = {**method.objectives()["objective"], **method.objectives()["generator_objective"]}
    for name in ("objective", "generator_objective"):
        terms = method.objectives()[name]
        total = sum(weighted[term] * float(logs[term]) for term in terms)
        assert float(logs[name]) == pytest.approx(total, abs=1e-5)
