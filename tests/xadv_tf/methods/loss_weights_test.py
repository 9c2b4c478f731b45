"""The weights of terms: given to a constructor, asked of a compile, refused."""

import copy

import keras
import numpy as np
import pytest
from fit_support import IMAGES, LABELS, assert_equal, make_mle, weights_of
from tests_support import make_classifier

from xadv_tf import methods


def test_loss_weights_are_those_of_the_terms():
    # With no weight for the divergence and the masks xVAT takes the step of MLE.
    keras.utils.set_random_seed(3)
    method = methods.XVAT(make_classifier())
    weights = {"divergence": 0.0, "l0": 0.0}
    method.compile(keras.optimizers.SGD(0.5), loss_weights=weights)
    mask = [v.numpy() for v in method.mask.trainable_variables]
    mle = make_mle()
    for each in (method, mle):
        each.fit(IMAGES, LABELS, shuffle=False, verbose=0)
    assert_equal(weights_of(method), weights_of(mle))
    # A player without gradient stands still.
    assert_equal(mask, [v.numpy() for v in method.mask.trainable_variables])
    with pytest.raises(ValueError, match="terms cross_entropy.*Received: loss_weights={'kl': 1.0}"):
        method.compile(loss_weights={"kl": 1.0})


def test_weights_of_a_compile_go_with_it():
    for sparsity, l0 in ((None, 1.0 / 36.0), (0.5, 0.5)):  # By default 1 / pixels, of 6 x 6.
        method = methods.XVAT(make_classifier(), sparsity=sparsity)
        method.compile(loss_weights={"divergence": 0.5, "l0": 0.25})
        assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 0.5, "l0": 0.25}
        method.compile()
        assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 1.0, "l0": l0}


def test_weights_of_a_combination_are_those_of_its_terms():
    method = methods.Combined([methods.XVAT(make_classifier()), methods.EntropyMinimization()])
    method.compile(loss_weights={"entropy": 0.25, "l0": 0.5}, label_smoothing=0.1)
    assert (method.loss_weights["entropy"], method.loss_weights["l0"]) == (0.25, 0.5)
    assert [part.label_smoothing for part in method.parts] == [0.1, 0.1]
    twin = copy.deepcopy(method)
    assert twin.loss_weights == method.loss_weights and twin.label_smoothing == 0.1


@pytest.mark.parametrize(
    "make",
    [
        lambda c: methods.XVAT(c, clean_weight=0.0, adversarial_weight=0.0, sparsity=0.0),
        lambda c: methods.AT(c, clean_weight=0.0, adversarial_weight=0.0),
    ],
)
def test_an_objective_without_a_weight_is_refused(make):
    with pytest.raises(ValueError, match="weights of cross_entropy.* must not be 0.*Received: "):
        make(make_classifier()).compile()


@pytest.mark.parametrize("weights", [["1"], {"divergence": "1"}, {"divergence": np.nan}, 1.0])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="loss_weights must be a dict.*Received: loss_weights="):
        methods.XVAT(make_classifier()).compile(loss_weights=weights)


def test_a_weight_of_a_constructor_is_finite():
    with pytest.raises(ValueError, match="a finite number.*Received: divergence=nan"):
        methods.VAT(make_classifier(), adversarial_weight=np.nan).compile()
