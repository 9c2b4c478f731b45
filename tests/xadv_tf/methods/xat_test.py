"""xAT: whose prediction is compared with what."""

import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_linear_classifier

from xadv_tf import divergences
from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import XAT


def _made(**kwargs):
    """A method, a batch, and the clean and the masked logits of its labeled images."""
    method = XAT(make_linear_classifier(), mask=PerturbationGenerator(seed=0), **kwargs)
    method.build((None, 6, 6, 2))
    batch = make_batch()
    image = batch["labeled"]["image"]
    mask = method.draw_mask(method.log_alpha(image), "gate/joint")
    return method, batch, method.classifier(image), method.classifier(image * mask)


def test_by_default_it_is_the_cross_entropy_with_the_labels():
    method, batch, _, masked = _made()
    expected = divergences.cross_entropy(batch["labeled"]["label"], masked)
    np.testing.assert_allclose(method.compute_losses(batch)["divergence"], expected, rtol=1e-4)
    assert expected.shape == (6,)  # Of the labeled images.


@pytest.mark.parametrize("divergence", ["kl", "reverse_kl"])
def test_the_released_codes_divergence_is_from_the_clean_prediction(divergence):
    method, batch, clean, masked = _made(divergence=divergence)
    pair = (clean, masked) if divergence == "kl" else (masked, clean)
    expected = divergences.kl_divergence(*pair)
    np.testing.assert_allclose(method.compute_losses(batch)["divergence"], expected, rtol=1e-4)
    # A mask's own step has no labeled pass to compare with and makes one.
    terms = method.adversarial_terms(batch, None, "joint")
    np.testing.assert_allclose(terms["divergence"], expected, rtol=1e-4)


def test_the_unlabeled_images_have_no_part_in_it():
    method, batch, *_ = _made()
    other = {**batch, "unlabeled": {"image": tf.zeros((3, 6, 6, 2))}}
    for term, value in method.compute_losses(batch).items():
        np.testing.assert_array_equal(method.compute_losses(other)[term], value)
