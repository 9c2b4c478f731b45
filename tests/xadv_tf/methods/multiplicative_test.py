"""The mask on its way: draws, application, and the divergence with its detached target."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_classifier

from xadv_tf import hard_concrete, masks
from xadv_tf.layers import PerturbationGenerator, PerturbationTable
from xadv_tf.methods import XAT, XVAT, RandomMask

# softmax(2, 0, -1) and softmax(1, .5, -1), whose divergences divergences_test.py works out.
P = tf.constant([[2.0, 0.0, -1.0]])
Q = tf.constant([[1.0, 0.5, -1.0]])


# Of D and of its gradient in the masked logits: q - p; q (log q - log p - KL(q || p)); q - p.
@pytest.mark.parametrize(
    ("divergence", "value", "gradient"),
    [
        ("kl", 0.171808, [-0.26970, 0.23401, 0.03569]),
        ("reverse_kl", 0.214896, [-0.34446, 0.31338, 0.03108]),
        ("cross_entropy", 0.696075, [-0.26970, 0.23401, 0.03569]),
    ],
)
def test_divergences_from_a_detached_target(divergence, value, gradient):
    method = XVAT(make_classifier(), divergence=divergence)
    with tf.GradientTape() as tape:
        tape.watch([P, Q])
        received = method.divergence_from(P, Q)
    assert float(received[0]) == pytest.approx(value, abs=1e-6)
    to_target, to_masked = tape.gradient(received, [P, Q])
    assert to_target is None
    np.testing.assert_allclose(to_masked, [gradient], atol=1e-5)


# xAT's cross-entropy is with the labels and has no target.
@pytest.mark.parametrize(
    ("method_class", "divergence"),
    [(XAT, "kl"), (XAT, "reverse_kl")]
    + [(XVAT, divergence) for divergence in ("kl", "reverse_kl", "cross_entropy")],
)
def test_methods_detach_the_clean_prediction(method_class, divergence):
    # With a mask of zeros the masked prediction does not depend on the image or on W, but for the
    # bias: whatever reached W would come through the target.
    method = method_class(
        make_classifier(), mask=PerturbationGenerator(bias=-100.0), divergence=divergence
    )
    method.build((None, 6, 6, 2))
    kernel = method.classifier.trainable_variables[0].value
    with tf.GradientTape() as tape:
        terms = method.compute_losses(make_batch())
        loss = tf.reduce_sum(terms["divergence"])
    assert float(loss) > 1e-3
    np.testing.assert_array_equal(tape.gradient(loss, kernel), np.zeros(kernel.shape))


def test_what_a_mask_takes_is_recorded():
    # Gates 1, 1/2 and 0 on pixels 1, 2 and 3: two of three are kept, though their mean is 1/2, and
    # of the energy 14 go 0 + 1 + 9.
    method = XVAT(make_classifier())
    image, mask = tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[1.0, 0.5, 0.0]])
    np.testing.assert_array_equal(method.masked(image, mask), method.apply_mask(image, mask))
    records = {name: float(value) for name, (value, _) in method._traced.records.items()}
    assert records == pytest.approx({"kept_pixels": 2 / 3, "perturbation_energy": 10 / 14})


@pytest.mark.parametrize("make", [XVAT, RandomMask])
def test_the_divergence_counts_where_the_prediction_is_sure(make):
    # softmax(log 3, 0) = 3/4 and softmax(log 5, 0) = 5/6, of which .8 lets the second count.
    clean, masked = tf.math.log([[3.0, 1.0], [5.0, 1.0]]), tf.zeros((2, 2))
    method = make(make_classifier(), divergence_confidence=0.8)
    expected = make(make_classifier()).divergence_from(clean, masked)
    np.testing.assert_array_equal(method.divergence_from(clean, masked), [0.0, expected[1]])
    assert float(method._traced.records["sure_images"][0]) == 0.5
    with pytest.raises(ValueError, match=r"Received: divergence_confidence=1\.5"):
        make(make_classifier(), divergence_confidence=1.5)


def test_masks_are_drawn_by_purpose_and_step():
    method = XVAT(make_classifier())
    log_alpha = tf.zeros((2, 6, 6, 1))
    one, same, other = (method.draw_mask(log_alpha, purpose) for purpose in ("a", "a", "b"))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)
    method.step.assign_add(1)
    assert np.any(one != method.draw_mask(log_alpha, "a"))


def test_output_scale_and_coarse_masks():
    method = XVAT(make_classifier(), mask=PerturbationGenerator(pooling=3), output_scale=2.0)
    image = make_batch()["labeled"]["image"]
    shown = method.perturb(image)
    assert shown["mask"].shape == (6, 2, 2, 1)
    fine = np.repeat(np.repeat(shown["mask"], 3, axis=1), 3, axis=2)
    np.testing.assert_allclose(shown["x_adv"], 2.0 * image * fine, rtol=1e-6)


def test_perturb_draws_with_noise_and_is_deterministic_without():
    method = XVAT(make_classifier(), mask=PerturbationTable(12, (6, 6, 1), seed=0))
    image, index = make_batch()["unlabeled"].values()
    shown = method.perturb(image, index=index)
    np.testing.assert_array_equal(shown["log_alpha"], method.mask.log_alpha.numpy()[index])
    np.testing.assert_array_equal(shown["mask"], hard_concrete.deterministic(shown["log_alpha"]))
    draw = tf.fill(shown["log_alpha"].shape, 0.3)
    np.testing.assert_array_equal(
        method.perturb(image, index=index, noise=draw)["mask"],
        hard_concrete.sample(shown["log_alpha"], draw),
    )
    with pytest.raises(ValueError, match="Received: index=None"):
        method.perturb(image)


@pytest.mark.parametrize("wrong", [{"divergence": "js"}, {"output_scale": 0.0}], ids=str)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        XVAT(make_classifier(), **wrong)


@pytest.mark.parametrize("shape", [(7,), (12, 3), (6, 5, 3), (4, 3, 5, 2)])
@pytest.mark.parametrize("kind", ["generator", "table", "random"])
def test_masks_of_vectors_sequences_and_volumes(shape, kind):
    classifier = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    gates = shape if len(shape) == 1 else (*shape[:-1], 1)
    if kind == "random":
        method = RandomMask(classifier)
    else:
        mask = PerturbationTable(8, gates) if kind == "table" else None
        method = XVAT(classifier, mask=mask)
    method.compile()
    images = np.random.default_rng(0).normal(size=(8, *shape)).astype(np.float32)
    examples = {"image": images, "label": np.arange(8) % 3, "index": np.arange(8)}
    batch = tf.nest.map_structure(tf.constant, {"labeled": examples, "unlabeled": examples})
    logs = method.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    seen = method.perturb(images, index=np.arange(8))
    assert seen["mask"].shape == (8, *gates)
    np.testing.assert_allclose(seen["x_adv"], images * seen["mask"], rtol=1e-6)
    if kind != "random":
        # One objective by default, with the sum over the gates as with their mean.
        assert method.loss_weights["l0"] == pytest.approx(1.0 / np.prod(gates))


def test_what_a_pixel_becomes_where_the_mask_is_0():
    # x_adv = s (x z + fill (1 - z)) with s = 2, x = 3: z = 1, 1/2 and 0.
    image, mask = tf.fill([1, 3, 1, 1], 3.0), tf.reshape([1.0, 0.5, 0.0], [1, 3, 1, 1])
    mean = np.reshape([1.0, -1.0, 4.0], (3, 1, 1)).astype(np.float32)
    for fill, expected in (
        (0.0, [6, 3, 0]), (-0.5, [6, 2.5, -1]), (mean, [6, 2, 8]), ("blurred", [6, 6, 6])
    ):  # fmt: skip
        method = XVAT(make_classifier(), output_scale=2.0, fill=fill)
        received = method.apply_mask(image, mask)[0, :, 0, 0]
        np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_what_is_filled_in_is_trained_on():
    batch = make_batch()
    seen = []
    for fill in (0.0, 2.0, "blurred"):
        keras.utils.set_random_seed(0)
        method = RandomMask(make_classifier(), log_alpha_mean=-9.0, log_alpha_stddev=0.0, fill=fill)
        method.compile()
        # All gates are closed: what the classifier sees is the fill.
        seen.append(float(method.train_step(batch)["divergence"]))
        x_adv = method.perturb(batch["unlabeled"]["image"])["x_adv"]
        expected = masks.blur(batch["unlabeled"]["image"]) if fill == "blurred" else fill
        np.testing.assert_allclose(x_adv, expected + 0.0 * x_adv, atol=1e-6)
    assert len(set(seen)) == 3


@pytest.mark.parametrize("fill", ["black", np.nan, [1.0, np.inf], None, np.array(["a"])])
def test_another_fill_is_refused(fill):
    with pytest.raises(ValueError, match="fill must be a number.*Received: fill="):
        XVAT(make_classifier(), fill=fill)


def _linear(shape):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.mark.parametrize(
    ("image", "fill"),
    [
        ((8, 8, 1), (4, 4, 1)),
        ((8, 8, 1), (6, 5, 1)),
        ((8, 8, 1), (32, 8, 8, 1)),
        ((8, 8, 1), (1, 8, 8, 1)),
        ((8, 8, 1), (3,)),
        ((7,), (8,)),
    ],
)
def test_a_fill_of_another_shape_is_refused(image, fill):
    for make in (XVAT, RandomMask):
        with pytest.raises(ValueError, match=r"fill must be.*Received: fill of shape \("):
            make(_linear(image), fill=np.ones(fill)).compile()
    # And where nothing is built yet.
    with pytest.raises(ValueError, match=r"Received: fill of shape \("):
        RandomMask(_linear(image), fill=np.ones(fill)).perturb(np.ones((2, *image), np.float32))


@pytest.mark.parametrize("fill", [(8, 6, 3), (3,), (6, 1), (1,), ()])
def test_a_fill_stretches_to_an_image(fill):
    # Broadcast as NumPy does; all gates are closed.
    values = np.random.default_rng(0).normal(size=fill).astype(np.float32)
    method = RandomMask(_linear((8, 6, 3)), log_alpha_mean=-9.0, log_alpha_stddev=0.0, fill=values)
    method.compile()
    seen = method.perturb(np.ones((2, 8, 6, 3), np.float32))["x_adv"]
    np.testing.assert_array_equal(seen, np.broadcast_to(values, (2, 8, 6, 3)))


def test_vectors_cannot_be_blurred():
    with pytest.raises(ValueError, match="no neighbours.*Received: fill='blurred'"):
        XVAT(_linear((7,)), fill="blurred").compile()
    with pytest.raises(ValueError, match="no neighbours.*Received: fill='blurred'"):
        XVAT(_linear((7,)), fill="blurred").perturb(np.ones((2, 7), np.float32))
