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


def test_weights_and_arguments():
    method = RandomMask(make_classifier(), adversarial_weight=3.0)
    assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 3.0}
    with pytest.raises(ValueError, match="Received: log_alpha_stddev=-1.0"):
        RandomMask(make_classifier(), log_alpha_stddev=-1.0)
