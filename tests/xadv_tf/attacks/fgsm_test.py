import attacks_support
import numpy as np
import pytest

from xadv_tf.attacks import FGSM


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_step_is_the_worst_of_a_linear_classifier(norm):
    images, labels, sign = attacks_support.examples()
    attack = FGSM(attacks_support.linear, norm=norm)
    found = attack(images, labels, 0.15)
    expected = attacks_support.worst(images, sign, 0.15, norm)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_value_leaves_the_range_of_pixels():
    images, labels, sign = attacks_support.examples()
    found = FGSM(attacks_support.linear, low=0.1, high=0.8)(images, labels, 0.3)
    expected = np.clip(attacks_support.worst(images, sign, 0.3, "linf"), 0.1, 0.8)
    np.testing.assert_allclose(found, expected, atol=1e-6)
