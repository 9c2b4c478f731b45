"""The two players of xAT and xVAT: gradients by hand, signs, options."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_classifier

from xadv_tf import noise
from xadv_tf.layers import HardConcreteGate, PerturbationGenerator, PerturbationTable
from xadv_tf.methods import XAT, XVAT, Combined, EntropyMinimization
from xadv_tf.optimizers import RowAdam

POOL = 12


def _fixed_noise(monkeypatch, value=0.45):
    monkeypatch.setattr(noise, "uniform", lambda shape, seed: tf.fill(shape, value))


def _table(**kwargs):
    return PerturbationTable(POOL, (6, 6, 1), seed=0, **kwargs)


def _frozen_classifier(method, mask_optimizer):
    method.compile(optimizer=keras.optimizers.SGD(0.0), mask_optimizer=mask_optimizer)
    return tf.function(method.train_step, autograph=False)


def test_gradients_of_both_players_by_hand(monkeypatch):
    # One image x of two pixels, logits W x, target p, masked prediction q = softmax W (x z).
    # Forward KL: dD/dlogits = q - p, so dD/dW = (q - p) (x z)^T and dD/dz = x * W^T (q - p);
    # dz/da = 1.2 s (1 - s) / .66, and dL0/da = l (1 - l) / 2 for the mean over two pixels.
    _fixed_noise(monkeypatch)
    weights = np.array([[1.0, -0.5], [0.3, 0.8], [-0.7, 0.2]])
    x, log_alpha = np.array([0.9, -1.1]), np.array([0.2, -0.4])
    classifier = keras.Sequential(
        [keras.layers.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    classifier.set_weights([weights.T, np.zeros(3)])
    mask = PerturbationTable(1, (1, 2, 1))
    mask.set_weights([log_alpha.reshape(1, 1, 2, 1)])
    method = XVAT(classifier, mask=mask, sparsity=2.0, l0_reduction="mean")
    image = tf.constant(x.reshape(1, 1, 2, 1), tf.float32)
    example = {"image": image, "label": tf.constant([1]), "index": tf.constant([0])}
    with tf.GradientTape(persistent=True) as tape:
        terms = method.compute_losses({"labeled": example, "unlabeled": example})
        objective = terms["divergence"] + 2.0 * terms["l0"]
    to_kernel = tape.gradient(terms["divergence"], classifier.trainable_variables[0].value)
    to_mask = tape.gradient(objective, mask.trainable_variables[0].value)

    def softmax(logits):
        return np.exp(logits) / np.sum(np.exp(logits))

    s = 1 / (1 + np.exp(-(np.log(0.45 / 0.55) + log_alpha) / 0.66))
    z = 1.2 * s - 0.1
    p, q = softmax(weights @ x), softmax(weights @ (x * z))
    open_probability = 1 / (1 + np.exp(-(log_alpha - 0.66 * np.log(0.1 / 1.1))))
    ascent = x * (weights.T @ (q - p)) * 1.2 * s * (1 - s) / 0.66
    ascent += 2.0 * open_probability * (1 - open_probability) / 2
    np.testing.assert_allclose(to_kernel, np.outer(x * z, q - p), rtol=1e-4)
    # What reaches the mask is turned round: descending it ascends the objective.
    received = tf.convert_to_tensor(to_mask).numpy().ravel()
    np.testing.assert_allclose(received, -ascent, rtol=1e-4)


@pytest.mark.parametrize("divergence", ["kl", "reverse_kl", "cross_entropy"])
@pytest.mark.parametrize("method_class", [XAT, XVAT])
@pytest.mark.parametrize("make_mask", [_table, PerturbationGenerator], ids=["table", "generator"])
def test_a_step_of_the_mask_raises_the_objective(monkeypatch, divergence, method_class, make_mask):
    _fixed_noise(monkeypatch)
    method = method_class(make_classifier(), mask=make_mask(), divergence=divergence)
    step = _frozen_classifier(method, keras.optimizers.SGD(1e-2))
    batch = make_batch()
    before = step(batch)
    after = step(batch)
    gained = float(after["objective"] - before["objective"])
    # To first order by rate * ||gradient||^2; the clean cross-entropy stands still.
    expected = 1e-2 * float(before["gradient_norm/mask"]) ** 2
    assert gained == pytest.approx(expected, rel=0.15, abs=1e-7)


def test_without_divergence_every_sampled_entry_rises_and_no_other():
    mask = _table()
    before = mask.log_alpha.numpy()
    method = XVAT(make_classifier(), mask=mask, adversarial_weight=0.0)
    batch = make_batch()
    _frozen_classifier(method, RowAdam(1e-2))(batch)
    risen = (mask.log_alpha.numpy() > before).reshape(POOL, -1)
    sampled = batch["unlabeled"]["index"].numpy()
    assert np.all(risen[sampled])
    assert not np.any(np.delete(risen, sampled, axis=0))


def test_without_sparsity_the_divergence_does_not_fall(monkeypatch):
    _fixed_noise(monkeypatch)
    method = XVAT(make_classifier(), mask=_table(), sparsity=0.0)
    step = _frozen_classifier(method, RowAdam(1e-3))
    batch = make_batch()
    values = [float(step(batch)["divergence"]) for _ in range(4)]
    assert values == sorted(values) and values[-1] > values[0]


def test_sum_and_mean_over_pixels_are_one_objective_by_default():
    logs = {}
    for reduction in ("sum", "mean"):
        method = XVAT(make_classifier(), mask=PerturbationGenerator(seed=0), l0_reduction=reduction)
        method.compile(optimizer=keras.optimizers.SGD(0.0))
        logs[reduction] = method.train_step(make_batch())
    assert float(logs["sum"]["l0"]) == pytest.approx(36 * float(logs["mean"]["l0"]), rel=1e-5)
    per_reduction = [float(log["objective"] - log["cross_entropy"]) for log in logs.values()]
    assert per_reduction[0] == pytest.approx(per_reduction[1], abs=0.05)
    assert method.loss_weights["l0"] == 1.0


@pytest.mark.parametrize(("smoothness", "smoother"), [(1.0, True), (-1.0, False)])
def test_smoothness_is_signed(monkeypatch, smoothness, smoother):
    _fixed_noise(monkeypatch)
    method = XVAT(
        make_classifier(),
        mask=_table(),
        smoothness=smoothness,
        sparsity=0.0,
        adversarial_weight=0.0,
    )
    step = _frozen_classifier(method, keras.optimizers.SGD(1.0))
    batch = make_batch()
    first = float(step(batch)["roughness"])
    for _ in range(3):
        last = float(step(batch)["roughness"])
    assert (last < first) is smoother


@pytest.mark.parametrize("method_class", [XAT, XVAT])
def test_every_option_reaches_the_method(method_class):
    gate, mask = HardConcreteGate(beta=0.5), PerturbationGenerator()
    method = method_class(
        make_classifier(),
        mask=mask,
        divergence="reverse_kl",
        clean_weight=0.7,
        adversarial_weight=1.5,
        sparsity=0.03,
        l0_reduction="mean",
        smoothness=0.4,
        alternating_steps=2,
        output_scale=1.2,
        gate=gate,
    )
    weights = {"cross_entropy": 0.7, "divergence": 1.5, "l0": 0.03, "roughness": -0.4}
    assert method.loss_weights == weights
    assert method.mask is mask and method.gate is gate
    assert (method.divergence, method.l0_reduction) == ("reverse_kl", "mean")
    assert (method.alternating_steps, method.output_scale) == (2, 1.2)


@pytest.mark.parametrize(("channels", "gates"), [(1, 36), (2, 72)])
def test_l0_counts_a_gate_for_each_channel_of_the_mask(channels, gates):
    # Images of 6 x 6 pixels; at log_alpha = 0 a gate is open with probability sigmoid(1.582611).
    mask = PerturbationTable(POOL, (6, 6, channels), initializer="zeros")
    method = XVAT(make_classifier(), mask=mask)
    method.compile()
    terms = method.compute_losses(make_batch())
    np.testing.assert_allclose(terms["l0"], np.full(8, 0.829574 * gates), rtol=1e-5)
    # By default the weight makes a mean of the sum.
    assert method.loss_weights["l0"] == pytest.approx(1.0 / gates)


def test_a_coarse_mask_counts_as_many_pixels_as_it_covers():
    # Generators that give log_alpha = 0: a quarter of the gates, each over 4 of 36 pixels.
    mask = PerturbationGenerator(pooling=2)
    method = XVAT(make_classifier(), mask=mask)
    method.compile()
    mask.set_weights([0.0 * weight for weight in mask.get_weights()])
    terms = method.compute_losses(make_batch())
    np.testing.assert_allclose(terms["l0"], np.full(8, 0.829574 * 36), rtol=1e-5)


def test_roughness_is_that_of_the_squashed_mask(monkeypatch):
    # Vertical stripes of gates 0 and 1: of four directions three have an edge at every pair, and
    # sigmoid(1.582611 + z) is .829574 at 0 and .929734 at 1, so that an edge counts .100160.
    _fixed_noise(monkeypatch, 0.5)
    stripes = np.broadcast_to([[-100.0], [100.0]] * 3, (POOL, 6, 6, 1))
    mask = _table()
    mask.log_alpha.assign(stripes)
    method = XVAT(make_classifier(), mask=mask, smoothness=2.0)
    method.compile()
    terms = method.compute_losses(make_batch())
    np.testing.assert_allclose(terms["roughness"], np.full(8, 3 * 0.100160), rtol=1e-4)
    assert method.loss_weights["roughness"] == -2.0  # J has - lambda2 S.


def test_a_table_under_row_adam_is_read_where_dense_adam_would_have_it():
    # One step with a gradient of all rows but 0 to 1; the next looks at rows 2 to 9 and at their
    # drift, which for RowAdam is not yet in the table.
    method = XVAT(make_classifier(), mask=_table())
    step = _frozen_classifier(method, RowAdam(1e-2))
    step(make_batch())
    method.mask_optimizer.iterations.assign(5)
    index = tf.constant([2, 9])
    drift = method.mask_optimizer.drift(method.mask.log_alpha, index)
    assert np.all(np.abs(drift) > 1e-3)
    received = method.log_alpha(tf.zeros((2, 6, 6, 2)), index)
    np.testing.assert_allclose(received, method.mask(index) + drift, rtol=1e-6)


def test_alternating_steps_move_the_mask_k_times_and_the_classifier_once():
    method = XVAT(make_classifier(), mask=PerturbationGenerator(), alternating_steps=3)
    method.compile()
    method.train_step(make_batch())
    assert int(method.mask_optimizer.iterations) == 3
    assert int(method.optimizer.iterations) == 1
    assert method.backward_passes == 4


@pytest.mark.parametrize("method_class", [XAT, XVAT])
def test_each_alternating_step_draws_anew(monkeypatch, method_class):
    # Two ascents and the classifier's step: three masks; and what dropout draws in their masked
    # passes differs as well, so that no noise is seen twice.
    method = method_class(
        make_classifier(dropout=0.5), mask=PerturbationGenerator(), alternating_steps=2
    )
    method.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)))
    draws, passes = [], []
    uniform, forward = noise.uniform, method.forward

    def drawing(shape, seed):
        draws.append(uniform(shape, seed).numpy())
        return draws[-1]

    def passing(image, purpose, **kwargs):
        passes.append((purpose, forward(tf.ones_like(image), purpose, **kwargs).numpy()))
        return forward(image, purpose, **kwargs)

    monkeypatch.setattr(noise, "uniform", drawing)
    method.forward = passing
    method.train_step(make_batch())
    masked = [logits for purpose, logits in passes if purpose.startswith("masked")]
    for made in (draws, masked):
        assert len(made) == 3
        for one, other in [(0, 1), (0, 2), (1, 2)]:
            assert np.mean(made[one] == made[other]) < 0.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"l0_reduction": "median"},
        {"sparsity": -1.0},
        {"alternating_steps": -1},
    ],
    ids=str,
)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        XVAT(make_classifier(), **wrong)


def test_a_table_whose_rows_do_not_fit_is_refused():
    for shape in ((5, 6, 1), (6, 6), (6, 6, 3)):
        method = XVAT(make_classifier(), mask=PerturbationTable(POOL, shape))
        with pytest.raises(ValueError, match="Received: gates of shape"):
            method.build((None, 6, 6, 2))


@pytest.mark.parametrize("method_class", [XAT, XVAT])
def test_one_optimizer_for_both_players_is_refused(method_class):
    optimizer = keras.optimizers.Adam(0.1)
    method = method_class(make_classifier())
    with pytest.raises(
        ValueError, match="the classifier and the mask.*Received: one Adam for both"
    ):
        method.compile(optimizer, optimizer)
        method.build((None, 6, 6, 2))


def test_an_index_beyond_the_table_is_refused_by_one_sentence():
    method = XVAT(make_classifier(), mask=_table())
    images = np.ones((2, 6, 6, 2), np.float32)
    refusal = rf"^index must lie in .*Received: index {POOL}$"
    with pytest.raises(ValueError, match=refusal):
        method.perturb(images, index=[0, POOL])
    with pytest.raises(ValueError, match=r"a place for each image, \(2,\). Received.*\(1,\)"):
        method.perturb(images, index=[0])
    labeled = {"image": images, "label": np.array([0, 1])}
    batch = {"labeled": labeled, "unlabeled": {"image": images, "index": np.array([0, POOL])}}
    for made in (method, Combined([method, EntropyMinimization()])):
        made.compile()
        with pytest.raises(ValueError, match=refusal):
            made.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
        assert int(made.step) == 0
