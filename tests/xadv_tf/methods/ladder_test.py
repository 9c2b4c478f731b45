"""The ladder against a second implementation in NumPy, closed forms and the paper's counts."""

import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier

from trainers.benchmarking import flops
from xadv_tf import models, noise
from xadv_tf.methods import Ladder, players

HIDDEN = (7, 5)
LEVELS = ("denoising_0", "denoising_1", "denoising_2", "denoising_3")


def _make(**kwargs):
    classifier = models.ladder_mlp(IMAGE_SHAPE, NUM_CLASSES, hidden_units=HIDDEN, seed=1)
    method = Ladder(classifier, **kwargs)
    method.compile()
    return method


def _stages(method):
    return method.classifier.layers[1:]


def _disturb_weights(method):
    """Leaves the starting point, where biases are 0, gains 1 and the denoisers silent."""
    rng = np.random.default_rng(5)
    for variable in [*method.classifier.trainable_variables, *method.decoder.trainable_variables]:
        variable.assign_add(0.3 * rng.normal(size=variable.shape))


def _bump(shape, seed):
    """In place of normal draws: numbers that NumPy can repeat, other ones for each purpose."""
    size = tf.cast(tf.reduce_prod(shape), tf.float32)
    phase = tf.cast(seed[0] % 1000, tf.float32)
    return tf.reshape(tf.sin(tf.range(size) + phase), shape)


def _normalize(h):
    deviation = np.sqrt(h.var(0) + 1e-10)
    return (h - h.mean(0)) / deviation, h.mean(0), deviation


def _softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _encode(method, image, purpose=None):
    """Algorithm 1's encoder: ([z_0 ... z_L], [mean], [deviation], logits) in float64."""

    def disturbed(z, level):
        if purpose is None:
            return z
        return z + method.noise_stddev * np.asarray(
            _bump(z.shape, method.noise_seed(f"{purpose}/{level}"))
        )

    h = disturbed(np.reshape(image, (len(image), -1)).astype("float64"), 0)
    zs, means, deviations = [h], [0.0], [1.0]
    for level, stage in enumerate(_stages(method), start=1):
        z, mean, deviation = _normalize(h @ stage.linear.kernel.numpy().astype("float64"))
        zs.append(disturbed(z, level))
        means.append(mean)
        deviations.append(deviation)
        h = zs[-1] + stage.b.numpy()
        h = h * stage.c.numpy() if stage.gain else np.maximum(h, 0.0)
    return zs, means, deviations, h


def _reference(method, batch):
    """All terms of algorithm 1, means over the batch."""
    label = batch["labeled"]["label"].numpy()
    image = batch["unlabeled"]["image"].numpy()
    clean, mean, deviation, _ = _encode(method, image)
    noisy, _, _, noisy_logits = _encode(method, image, "noisy")
    logits = _encode(method, batch["labeled"]["image"].numpy(), "noisy/labeled")[-1]
    terms = {"cross_entropy": -np.log(_softmax(logits)[np.arange(len(label)), label]).mean()}
    estimate = None
    kernels = [dense.kernel.numpy() for dense in method.decoder.v] + [None]
    for level in reversed(range(len(clean))):
        above = _softmax(noisy_logits) if estimate is None else estimate @ kernels[level]
        u, _, _ = _normalize(above)
        a = method.decoder.denoisers[level].a.numpy().astype("float64")
        mu = a[0] * _sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
        v = a[5] * _sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
        estimate = (noisy[level] - mu) * v + mu
        error = (estimate - mean[level]) / deviation[level] - clean[level]
        terms[f"denoising_{level}"] = np.mean(error**2)
    return terms


def _means(terms):
    return {name: float(tf.reduce_mean(value)) for name, value in terms.items()}


def test_equals_algorithm_1(monkeypatch):
    monkeypatch.setattr(noise, "normal", _bump)
    method = _make(denoising_weights=(1, 1, 1, 1))
    _disturb_weights(method)
    batch = make_batch(num_unlabeled=9)
    received = _means(method.compute_losses(batch))
    for name, expected in _reference(method, batch).items():
        assert received[name] == pytest.approx(expected, rel=1e-3), name
    assert set(received) == {"cross_entropy", *LEVELS}


def test_weights_of_the_top_alone_are_the_gamma_model(monkeypatch):
    monkeypatch.setattr(noise, "normal", _bump)
    method = _make(denoising_weights=(0, 0, 0, 0.5))
    # Nothing below the top is decoded: its denoiser is all that there is.
    assert [v.shape for v in method.decoder.trainable_variables] == [(10, NUM_CLASSES)]
    full = _make(denoising_weights=(1, 1, 1, 0.5))
    _disturb_weights(full)
    for variable, value in zip(method.classifier.variables, full.classifier.variables, strict=True):
        variable.assign(value)
    method.decoder.denoisers[0].a.assign(full.decoder.denoisers[-1].a)
    batch = make_batch()
    expected = _reference(full, batch)
    logs = method.train_step(batch)
    objective = expected["cross_entropy"] + 0.5 * expected["denoising_3"]
    assert float(logs["objective"]) == pytest.approx(objective, rel=1e-3)


def test_costs_at_the_start_have_a_closed_form():
    # z_hat = 0: C_l = mean of (-mean/deviation - z)^2 = mean mean^2/deviation^2 + mean z^2, for z
    # has mean 0; mean z^2 = 1. At the input C_0 = E[x^2]; with MNIST 1000 C_0 = 112.
    method = _make()
    batch = make_batch()
    received = _means(method.compute_losses(batch))
    image = batch["unlabeled"]["image"].numpy()
    zs, means, deviations, _ = _encode(method, image)
    assert received["denoising_0"] == pytest.approx(np.mean(image**2), rel=1e-5)
    for level in (1, 2, 3):
        assert np.mean(zs[level] ** 2) == pytest.approx(1.0, rel=1e-6)
        expected = 1.0 + np.mean((means[level] / deviations[level]) ** 2)
        assert received[f"denoising_{level}"] == pytest.approx(expected, rel=1e-4)


def test_targets_are_not_detached():
    # At the start C_1 depends on W_1 only through the clean path. With m = mean x, S = cov x and
    # w a column: mean = w m, deviation^2 = w S w, hence the gradient of mean^2 / deviation^2 is
    # 2 mean m / deviation^2 - 2 mean^2 S w / deviation^4, over 7 units. Detached it would be 0.
    method = _make()
    batch = make_batch(num_unlabeled=60)
    kernel = _stages(method)[0].linear.kernel
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(method.compute_losses(batch)["denoising_1"])
    received = tape.gradient(loss, kernel.value).numpy()
    x = batch["unlabeled"]["image"].numpy().reshape(60, -1).astype("float64")
    w = kernel.numpy().astype("float64")
    m, covariance = x.mean(0), np.cov(x.T, ddof=0)
    mean, variance = m @ w, np.einsum("ij,ik,kj->j", w, covariance, w)
    expected = 2 * mean * m[:, None] / variance - 2 * mean**2 * (covariance @ w) / variance**2
    np.testing.assert_allclose(received, expected / 7, rtol=1e-3, atol=1e-6)


def test_without_noise_the_noisy_path_is_the_clean_one():
    method = _make(noise_stddev=0.0)
    _disturb_weights(method)
    image = make_batch()["unlabeled"]["image"]
    clean, noisy = method._encode(method.classifier, [(image, None), (image, "noisy")])
    for one, other in zip([*clean.z, clean.logits], [*noisy.z, noisy.logits], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    # The classifier in training mode, as plain Keras runs it.
    np.testing.assert_allclose(clean.logits, method.classifier(image, training=True), atol=1e-4)


def test_noise_has_its_deviation_at_every_level():
    method = _make(noise_stddev=0.3)
    image = tf.zeros((2000, *IMAGE_SHAPE))
    (noisy,) = method._encode(method.classifier, [(image, "noisy")])
    # Levels of noise alone: at the input, and after normalisation 1 + 0.3^2.
    assert np.std(noisy.z[0]) == pytest.approx(0.3, rel=0.02)
    for z in noisy.z[1:]:
        assert np.std(z) == pytest.approx(1.09**0.5, rel=0.02)


def test_labeled_and_unlabeled_are_normalised_apart():
    method = _make()
    batch = make_batch()
    far = {**batch, "labeled": {**batch["labeled"], "image": 5.0 + batch["labeled"]["image"]}}
    near, other = (_means(method.compute_losses(b)) for b in (batch, far))
    for level in LEVELS:
        assert near[level] == pytest.approx(other[level], rel=1e-5)


def test_supervised_batches_are_disturbed_once(monkeypatch):
    monkeypatch.setattr(noise, "normal", _bump)
    method = _make()
    batch = make_batch(supervised=True)
    assert players.is_supervised(batch)
    logits = _encode(method, batch["labeled"]["image"].numpy(), "noisy")[-1]
    label = batch["labeled"]["label"].numpy()
    expected = -np.log(_softmax(logits)[np.arange(len(label)), label]).mean()
    received = _means(method.compute_losses(batch))
    assert received["cross_entropy"] == pytest.approx(expected, rel=1e-4)


def test_operations_of_a_step():
    # Three streams of 6 + 8 + 8 images go up, and 8 come down again: forward 2 operations a weight
    # and image, twice that in one backward pass, but no gradient for the images themselves.
    method = _make()
    assert method.backward_passes == 1
    widths = (72, *HIDDEN, NUM_CLASSES)
    weights = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    up, down = 2 * weights * 22, 2 * weights * 8
    expected = 3 * up - 2 * 72 * HIDDEN[0] * 22 + 3 * down
    step = tf.function(method.train_step, autograph=False)
    assert flops.count(step.get_concrete_function(make_batch())) == {"MatMul": expected}


def test_prediction_takes_statistics_of_the_labeled_stream():
    method = _make(statistics_batches=2)
    before = [v.numpy() for v in method.classifier.non_trainable_variables]
    batches = [make_batch(seed=i) for i in range(3)]
    method.train_step(batches[0])
    for variable, value in zip(method.classifier.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)  # A step leaves them alone.
    method.prepare_evaluation(iter(batches))
    paths = [_encode(method, batch["labeled"]["image"].numpy()) for batch in batches[:2]]
    for level, stage in enumerate(_stages(method), start=1):
        mean = np.mean([means[level] for _, means, _, _ in paths], axis=0)
        biased = np.mean([deviations[level] ** 2 for _, _, deviations, _ in paths], axis=0)
        np.testing.assert_allclose(stage.statistics.moving_mean, mean, atol=1e-4)
        np.testing.assert_allclose(stage.statistics.moving_variance, biased * 6 / 5, rtol=1e-3)
    # With the statistics of one batch only the unbiased variance is left between the two modes.
    method.prepare_evaluation(batches[:1])
    image = batches[0]["labeled"]["image"]
    assert np.max(np.abs(method(image))) < np.max(np.abs(method.classifier(image, training=True)))


def test_the_averaged_weights_get_statistics_of_their_own():
    method = _make(ema_decay=0.5, evaluate_ema=True)
    batches = [make_batch(seed=i) for i in range(3)]
    for batch in batches:
        method.train_step(batch)
    method.prepare_evaluation(batches)
    assert np.all(method.classifier.layers[1].statistics.moving_mean.numpy() == 0.0)
    assert np.all(method.evaluated.layers[1].statistics.moving_mean.numpy() != 0.0)


def test_gamma_model_of_convolutions(monkeypatch):
    shapes = []

    def recording(shape, seed):
        shapes.append(tuple(np.asarray(shape).tolist()))
        return _bump(shape, seed)

    monkeypatch.setattr(noise, "normal", recording)
    method = Ladder(models.ladder_conv((11, 11, 3), 4, seed=1), noise_stddev=1e-3)
    method.compile()
    assert method.loss_weights == {"cross_entropy": 1.0, "denoising_12": 4.0}
    image = tf.random.stateless_normal((6, 11, 11, 3), [1, 2])
    batch = {
        "labeled": {"image": image[:2], "label": tf.constant([0, 3])},
        "unlabeled": {"image": image[2:]},
    }
    terms = _means(method.compute_losses(batch))
    # The input, eleven convolutions and pools, and the global mean: 13 levels, two noisy streams.
    assert len(shapes) == 26
    assert {shape[1:] for shape in shapes} >= {(11, 11, 3), (7, 7, 96), (3, 3, 192), (4,)}
    # z_hat = 0 at the start, as above, now of the global mean.
    (clean,) = method._encode(method.classifier, [(image[2:], None)])
    ratio = clean.mean[-1] / clean.deviation[-1]
    assert terms["denoising_12"] == pytest.approx(1 + np.mean(np.square(ratio)), rel=1e-3)


def test_paper_weights():
    assert list(_make().loss_weights.values()) == [1.0, 1000.0, 10.0, 0.1, 0.1]
    method = Ladder(models.ladder_mlp())
    assert list(method.loss_weights.values()) == [1.0, 1000.0, 10.0, *[0.1] * 5]


def test_decoder_optimizer_is_another_of_the_same_kind():
    method = _make()
    assert type(method.decoder_optimizer) is type(method.optimizer)
    assert method.decoder_optimizer is not method.optimizer
    assert method.decoder_optimizer.get_config() == method.optimizer.get_config()


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_stddev": -0.1},
        {"statistics_batches": 0},
        {"denoising_weights": [1.0, 1.0]},
        {"denoising_weights": [1.0, 0.1, -1.0, 0.1]},
        {"denoising_weights": [0.0] * 4},
    ],
    ids=str,
)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}=") as error:
        _make(**wrong)
    assert str(value) in str(error.value)


def test_other_classifiers_are_refused():
    with pytest.raises(ValueError, match="must be ladder_mlp, ladder_conv.* Received: model="):
        Ladder(make_classifier())
    with pytest.raises(ValueError, match="Received: model=mlp"):
        Ladder(models.mlp(IMAGE_SHAPE, NUM_CLASSES))


def test_convolutions_are_not_decoded():
    method = Ladder(models.ladder_conv((11, 11, 3), 4), denoising_weights=[0] * 11 + [1, 1])
    with pytest.raises(ValueError, match="Received: a positive weight for level 11"):
        method.compile()
