"""RandomMask: the law of its masks, and what they do to the images."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats
from tests_support import gradient_of_term, make_batch, make_classifier, make_linear_classifier

from xadv_tf import divergences
from xadv_tf.methods import RandomMask


def test_log_alpha_has_its_law():
    # 2 x 80 x 80 draws: Kolmogorov's distance exceeds 1.63 / sqrt(n) once in a hundred seeds.
    method = RandomMask(make_classifier(), log_alpha_mean=2.0, log_alpha_stddev=0.5)
    log_alpha = method.log_alpha(tf.zeros((2, 80, 80, 3)))
    assert log_alpha.shape == (2, 80, 80, 1)  # One mask for all colours.
    draws = np.ravel(log_alpha)
    assert stats.kstest(draws, "norm", (2.0, 0.5)).statistic < 1.63 / len(draws) ** 0.5
    method.step.assign_add(1)
    assert np.all(draws != np.ravel(method.log_alpha(tf.zeros((2, 80, 80, 3)))))


def test_without_deviation_log_alpha_is_constant():
    method = RandomMask(make_classifier(), log_alpha_mean=-1.5, log_alpha_stddev=0.0)
    np.testing.assert_array_equal(method.log_alpha(tf.zeros((2, 7))), np.full((2, 7), -1.5))


def test_the_divergence_is_that_of_the_images_under_the_mask():
    # log_alpha is drawn by the purpose "log_alpha" and u by "gate", so both can be drawn again.
    method = RandomMask(make_linear_classifier(), output_scale=2.0)
    method.compile()
    batch = make_batch()
    image = batch["unlabeled"]["image"]
    mask = method.draw_mask(method.log_alpha(image), "gate")
    expected = divergences.kl_divergence(
        method.classifier(image), method.classifier(2.0 * image * mask)
    )
    np.testing.assert_allclose(method.compute_losses(batch)["divergence"], expected, rtol=1e-4)
    # The share of kept gates is P(z > 0) = sigmoid(a + 1.5826), averaged over a ~ N(0, 1): within
    # 5 standard errors of 8 x 36 draws.
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    kept = np.sum(weights * special.expit(nodes + 1.582611)) / np.sum(weights)
    logs = method.train_step(batch)
    assert float(logs["kept_pixels"]) == pytest.approx(kept, abs=5 * 0.5 / (8 * 36) ** 0.5)


def test_the_clean_prediction_is_a_target():
    # With every gate shut q depends on no weight of a linear classifier, and p is held fixed.
    method = RandomMask(make_linear_classifier(), log_alpha_mean=-100.0, log_alpha_stddev=0.0)
    (gradient,) = gradient_of_term(method, make_batch(), "divergence")
    np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


def test_the_worst_of_several_masks_counts():
    # The draws are those of the purposes "gate" and "gate/1"; the larger D of an image counts.
    method = RandomMask(make_linear_classifier(), num_masks=2, log_alpha_stddev=0.0)
    batch = make_batch()
    image = batch["unlabeled"]["image"]
    clean = method.classifier(image)
    masks = [method.draw_mask(tf.zeros((8, 6, 6, 1)), purpose) for purpose in ("gate", "gate/1")]
    both = [divergences.kl_divergence(clean, method.classifier(image * mask)) for mask in masks]
    method.compile()
    received = method.compute_losses(batch)["divergence"]
    np.testing.assert_allclose(received, np.maximum(*both), rtol=1e-4)
    assert 0 < np.sum(both[0] > both[1]) < 8  # Each is the worse one of some image.
    # What is recorded is of the masks that count.
    worse = np.where((both[1] > both[0]).numpy()[:, None, None, None], *reversed(masks))
    kept = float(method._traced.records["kept_pixels"][0])
    assert kept == pytest.approx(np.mean(worse > 0))
    assert method.backward_passes == 1  # The choice takes passes forward alone.


def test_a_fixed_mask_is_the_image_s_for_good():
    method = RandomMask(make_linear_classifier(), fixed_masks=True)
    method.compile()
    batch = make_batch()
    before = method.compute_losses(batch)["divergence"]
    method.step.assign_add(5)
    np.testing.assert_array_equal(before, method.compute_losses(batch)["divergence"])
    # It goes with the image's index wherever that stands in a batch, and others have other masks.
    order = [3, 0, 1]
    some = {name: tf.gather(value, order) for name, value in batch["unlabeled"].items()}
    moved = method.compute_losses({**batch, "unlabeled": some})["divergence"]
    np.testing.assert_allclose(moved, before.numpy()[order], rtol=1e-5)
    image, index = batch["unlabeled"].values()
    log_alpha = method.log_alpha(image, index)
    assert len(np.unique(log_alpha)) == 8 * 36
    method.seed = 1  # As whoever trains several seeds by what is compiled once.
    assert np.all(log_alpha != method.log_alpha(image, index))
    with pytest.raises(ValueError, match="Received: index=None"):
        method.perturb(batch["unlabeled"]["image"])


@pytest.mark.parametrize("fixed_masks", [False, True])
def test_blocks_share_a_gate(fixed_masks):
    method = RandomMask(make_linear_classifier(), mask_block=4, fixed_masks=fixed_masks)
    method.compile()
    image, index = make_batch()["unlabeled"].values()
    # 6 pixels make two blocks of 4, which cover 3 each.
    shown = method.perturb(tf.ones_like(image), index=index)
    assert shown["mask"].shape == (8, 2, 2, 1)
    x_adv = shown["x_adv"].numpy().reshape(8, 2, 3, 2, 3, 2)
    np.testing.assert_array_equal(x_adv, np.broadcast_to(x_adv[:, :, :1, :, :1], x_adv.shape))
    assert np.isfinite(float(method.train_step(make_batch())["divergence"]))


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"mask_block": 2}, (7,), "Received: mask_block=2"),
        ({"mask_block": 2}, (None, 6, 1), r"Received: images of shape \(None, 6, 1\)"),
        ({"fixed_masks": True}, (6, None, 1), r"Received: images of shape \(6, None, 1\)"),
    ],
)
def test_inputs_that_blocks_and_fixed_masks_do_not_fit(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        RandomMask(make_classifier(), **arguments).check_classifier((None, *shape))


@pytest.mark.parametrize("wrong", [{"mask_block": 0}, {"num_masks": 0}], ids=str)
def test_arguments_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        RandomMask(make_classifier(), **wrong)
    with pytest.raises(ValueError, match="Received: num_masks=2"):
        RandomMask(make_classifier(), fixed_masks=True, num_masks=2)


def test_weights_and_arguments():
    method = RandomMask(make_classifier(), adversarial_weight=3.0)
    assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 3.0}
    with pytest.raises(ValueError, match="Received: log_alpha_stddev=-1.0"):
        RandomMask(make_classifier(), log_alpha_stddev=-1.0)
