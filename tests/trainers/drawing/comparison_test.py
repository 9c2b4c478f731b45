import numpy as np
import pytest

from trainers.drawing import comparison
from trainers.errors import UsageError


def _runs(make_run, *runs):
    return [str(make_run(*flags)[0]) for flags in runs]


_MASKED = ("--method=xvat", "--mask=inductive")
_VAT = ("--method=vat", "--epsilon=1.5", "--seed=3")


def test_both_methods_are_shown_the_same_images(make_run):
    (masked,), (vat,) = _runs(make_run, _MASKED), _runs(make_run, _VAT)
    axes = comparison.draw([masked], [vat]).picture.axes
    x, z, x_adv, r, added = (
        np.stack([image.get_array() for image in ax.images]).reshape(4, -1) for ax in axes
    )
    np.testing.assert_allclose(x_adv, x * z, atol=1e-6)
    np.testing.assert_allclose(added, x + r, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(r, axis=1), 1.5, rtol=1e-5)


def test_runs_that_do_not_fit_are_refused(make_run):
    masked, mle, vat, scaled = _runs(
        make_run, _MASKED, ("--method=mle",), _VAT, ("--method=vat", "--scaling=unit")
    )
    with pytest.raises(UsageError, match="masks with --figure=5b. Received: .*, a run of VAT"):
        comparison.draw([vat], [vat])
    with pytest.raises(UsageError, match="of vat or at. Received: .*, a run of MLE"):
        comparison.draw([masked], [mle])
    with pytest.raises(UsageError, match="none with --dataset=digits --scaling=centered"):
        comparison.draw([masked], [scaled])
